//! `--wait-for`: a service that is still starting is no reason to fail a gate.

use super::Failure;
use crate::clock::{Duration, now, sleep};

const EVERY: Duration = Duration::from_millis(250);

/// Asks until the answer's status is below 400. What is measured goes another way; this is one plain client.
pub(super) fn wait_for(url: &str, timeout: Duration) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(error.to_string()))?;
    // The one user of it: whoever measures has a configuration of its own. Installed before by somebody else is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .build()
            .map_err(|error| Failure::Other(error.to_string()))?;
        let deadline = now() + timeout;
        loop {
            let why = match client.get(url).send().await {
                Ok(response) if response.status().as_u16() < 400 => return Ok(()),
                Ok(response) => format!("it answered {}", response.status()),
                Err(error) if error.is_builder() => {
                    return Err(Failure::Invalid(format!("error: `--wait-for {url}` is not a URL\n")));
                }
                Err(error) => plain(&error),
            };
            if now() + EVERY > deadline {
                return Err(Failure::Other(format!(
                    "`{url}` was not ready within {}: {why}; nothing was sent",
                    crate::units::format_duration(timeout)
                )));
            }
            sleep(EVERY).await;
        }
    })
}

/// The innermost cause says what happened; the outer ones only where.
fn plain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
