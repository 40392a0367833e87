//! Files that the plan names: read once, here, so that nothing can be missing later.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::{Body, Plan, StepKind};
use crate::source::{Source, Spanned};

use super::{ValidScenario, place};

pub(super) fn read(
    plan: &Plan,
    source: &Source,
    scenarios: &[ValidScenario],
    found: &mut Diagnostics,
) -> BTreeMap<String, Arc<[u8]>> {
    let mut files = BTreeMap::new();
    if let Some(ca) = &plan.http.tls.ca
        && let Some(contents) = load(source, ca, &mut files, found)
    {
        check_certificates(&contents, ca, found);
    }
    for scenario in scenarios {
        place::visit(scenario, &mut |_, step| {
            if let StepKind::Request(request) = &step.kind
                && let Some(Body::File(path)) = &request.body
            {
                load(source, path, &mut files, found);
            }
        });
    }
    files
}

fn load(
    source: &Source,
    path: &Spanned<String>,
    files: &mut BTreeMap<String, Arc<[u8]>>,
    found: &mut Diagnostics,
) -> Option<Arc<[u8]>> {
    if let Some(known) = files.get(&path.value) {
        return Some(Arc::clone(known));
    }
    let place = source.folder.join(&path.value);
    match std::fs::read(&place) {
        Ok(contents) => {
            let contents: Arc<[u8]> = contents.into();
            files.insert(path.value.clone(), Arc::clone(&contents));
            Some(contents)
        }
        Err(error) => {
            found.push(missing(path, &place, &error));
            None
        }
    }
}

pub(super) fn missing(path: &Spanned<String>, place: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("missing-file", format!("`{}` cannot be read: {error}", path.value))
        .at(path.span)
        .help(format!("paths start from the plan's folder; this one is `{}`", place.display()))
}

fn check_certificates(contents: &[u8], ca: &Spanned<String>, found: &mut Diagnostics) {
    let text = String::from_utf8_lossy(contents);
    if !(text.contains("-----BEGIN CERTIFICATE-----") && text.contains("-----END CERTIFICATE-----")) {
        found.push(
            Diagnostic::error("bad-certificate", format!("`{}` holds no certificate", ca.value))
                .at(ca.span)
                .help("it must be a PEM file with at least one `-----BEGIN CERTIFICATE-----` block"),
        );
    }
}
