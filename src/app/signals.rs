//! Ctrl-C, SIGTERM and a closed terminal as events of the run.

use std::sync::mpsc::SyncSender;

use tokio::signal::unix::{SignalKind, signal};

use crate::engine::Event;

/// Watches for the life of the process. Each signal becomes one [`Event::Interrupt`].
pub(super) fn watch(events: SyncSender<Event>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate, mut hang_up) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                if events.send(Event::Interrupt).is_err() {
                    return;
                }
            }
        });
    })?;
    Ok(())
}
