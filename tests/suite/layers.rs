//! Who may import whom: the table of ARCHITECTURE.md, held against the sources.

use std::collections::BTreeSet;
use std::path::Path;

use crate::program::root;

/// Module, and what it may import. `app` may import everything.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clean", &[]),
    ("clock", &[]),
    ("compress", &[]),
    ("health", &[]),
    ("source", &[]),
    ("units", &[]),
    ("route", &[]),
    ("diagnostic", &["source"]),
    ("expr", &["diagnostic", "source"]),
    ("plan", &["source", "diagnostic", "units", "expr", "compress", "route"]),
    ("data", &["diagnostic", "plan", "source"]),
    ("metrics", &["units"]),
    ("load", &["units"]),
    ("judge", &["health", "metrics", "source", "units"]),
    (
        "validate",
        &["plan", "expr", "data", "metrics", "units", "source", "diagnostic", "load", "judge", "clock", "route"],
    ),
    (
        "graph",
        &[
            "clean", "compress", "validate", "expr", "data", "units", "plan", "source", "metrics", "judge", "load",
            "route",
        ],
    ),
    ("transport", &["clock", "units", "metrics", "route"]),
    ("vu", &["clean", "compress", "graph", "expr", "data", "transport", "metrics", "clock", "plan", "units"]),
    ("engine", &["graph", "data", "load", "vu", "transport", "metrics", "clock", "plan", "health"]),
    ("report", &["clean", "health", "judge", "metrics", "source", "diagnostic", "graph", "units", "exit"]),
    ("exit", &["judge"]),
    ("cli", &["load", "units"]),
    ("demo", &["clock"]),
];

#[test]
fn modules_import_only_what_the_table_allows() {
    for (module, allowed) in MAY_IMPORT {
        let imported = imports(module);
        let forbidden: Vec<&String> = imported.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        assert!(forbidden.is_empty(), "`{module}` imports {forbidden:?}; allowed are {allowed:?}");
    }
}

#[test]
fn the_table_has_no_cycle() {
    let mut known: Vec<&str> = Vec::new();
    while known.len() < MAY_IMPORT.len() {
        let next = MAY_IMPORT
            .iter()
            .find(|(module, allowed)| !known.contains(module) && allowed.iter().all(|name| known.contains(name)));
        known.push(next.unwrap_or_else(|| panic!("a cycle among the modules that are not in {known:?}")).0);
    }
}

#[test]
fn every_module_is_in_the_table() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules.filter(|module| *module != "app") {
        assert!(MAY_IMPORT.iter().any(|(known, _)| *known == module), "`{module}` is missing");
    }
}

#[test]
fn only_the_clock_reads_time() {
    let mut found = Vec::new();
    visit(&root().join("src"), &mut |path, text| {
        let own = path.ends_with("clock.rs") || path.components().any(|part| part.as_os_str() == "demo");
        if !own && ["Instant::now()", "SystemTime::now()", "Timestamp::now()"].iter().any(|call| text.contains(call)) {
            found.push(path.display().to_string());
        }
    });
    assert_eq!(found, Vec::<String>::new());
}

/// The modules that a module's files (tests aside) name behind `crate::`.
fn imports(module: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut read = |_: &Path, text: &str| {
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let name: String =
                    rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                if !name.is_empty() && name != module {
                    names.insert(name);
                }
            }
        }
    };
    let folder = root().join("src").join(module);
    if folder.is_dir() {
        visit(&folder, &mut read);
    } else {
        let path = root().join("src").join(format!("{module}.rs"));
        read(&path, &std::fs::read_to_string(&path).unwrap());
    }
    names
}

fn visit(folder: &Path, each: &mut dyn FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            each(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
