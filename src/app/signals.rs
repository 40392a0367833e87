//! Ctrl-C, SIGTERM, a closed terminal and SIGUSR1 as events of the run.

use std::sync::mpsc::SyncSender;

use tokio::signal::unix::{SignalKind, signal};

use crate::engine::Event;

/// Watches for the life of the process. SIGUSR1 becomes [`Event::TogglePause`], each other signal one [`Event::Interrupt`].
pub(super) fn watch(events: SyncSender<Event>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate, mut hang_up, mut pause) = {
        let _inside = runtime.enter();
        let ends = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
        (ends.0, ends.1, ends.2, signal(SignalKind::user_defined1())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let event = tokio::select! {
                    _ = interrupt.recv() => Event::Interrupt,
                    _ = terminate.recv() => Event::Interrupt,
                    _ = hang_up.recv() => Event::Interrupt,
                    _ = pause.recv() => Event::TogglePause,
                };
                if events.send(event).is_err() {
                    return;
                }
            }
        });
    })?;
    Ok(())
}
