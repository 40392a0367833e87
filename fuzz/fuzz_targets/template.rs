//! Text with `${ expr }` in it: read, compiled and rendered for one user.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofload::expr::{Template, TextProgram};
use proofload_fuzz::{World, located, print_all, text};

fuzz_target!(|input: &[u8]| {
    let Some(text) = text(input) else { return };
    match Template::parse(located(text)) {
        Ok(template) => {
            template.names();
            let (world, mut out) = (World::new(), "before".to_owned());
            let rendered = TextProgram::compile(&template, &world).render(&world, &mut out);
            assert!(out.starts_with("before") && (rendered.is_ok() || out == "before"), "half a text was left");
        }
        Err(found) => print_all(found, text),
    }
});
