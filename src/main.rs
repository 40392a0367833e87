//! argv in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use proofload::cli::Cli;
use proofload::exit;

fn main() -> ExitCode {
    // Clap's own code for a wrong option is 2; here it is 104, like a wrong plan.
    match Cli::try_parse() {
        Ok(cli) => proofload::app::main(cli),
        Err(error) => {
            // Nothing to do about a closed terminal.
            let _ = error.print();
            match error.use_stderr() {
                true => ExitCode::from(exit::code(Err(exit::Failure::InvalidPlan))),
                false => ExitCode::SUCCESS,
            }
        }
    }
}
