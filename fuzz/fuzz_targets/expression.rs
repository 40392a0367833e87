//! An expression: read, compiled, evaluated for one user, and its value written in each way that there is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proofload::expr::{Expr, Program};
use proofload_fuzz::{World, located, print_all, text};

fuzz_target!(|input: &[u8]| {
    let Some(text) = text(input) else { return };
    match Expr::parse(located(text)) {
        Ok(expr) => {
            expr.names();
            expr.wanted_numbers("status");
            let world = World::new();
            let program = Program::compile(&expr, &world);
            if let Ok(value) = program.evaluate(&world) {
                let mut json = Vec::new();
                let written = value.write_json(&mut json).ok().map(|()| json);
                assert_eq!(value.to_value().ok().map(|value| value.to_string().into_bytes()), written);
                let _ = value.write_text(&mut String::new());
            }
            let _ = program.holds(&world);
        }
        Err(found) => print_all(found, text),
    }
});
