//! What a person sees while a plan runs, and the thresholds that may end it early.

use std::io::IsTerminal;

use super::{terminal_width, to_stderr};
use crate::cli::OutputArgs;
use crate::clock::Duration;
use crate::engine::{self, Observer, Wish};
use crate::graph::Graph;
use crate::judge;
use crate::metrics::Aggregate;
use crate::plan::LogLevel;
use crate::report::progress::{self, Progress, fitted};
use crate::report::{clean, mask};

/// Seconds between two lines where there is no terminal, as in a CI log.
const PLAIN_EVERY: u64 = 5;

pub(super) struct Watcher<'g> {
    graph: &'g Graph,
    planned: Duration,
    quiet: bool,
    /// One line that is written over, instead of many.
    live: bool,
    shown: bool,
    /// The threshold that ended the run.
    pub(super) broken: Option<usize>,
}

impl<'g> Watcher<'g> {
    pub(super) fn new(graph: &'g Graph, output: &OutputArgs) -> Watcher<'g> {
        let live = std::io::stderr().is_terminal();
        Watcher { graph, planned: engine::planned(graph), quiet: output.quiet, live, shown: false, broken: None }
    }

    fn show(&mut self, line: &str) {
        if self.live {
            // Cut to the terminal: a line that wraps cannot be written over.
            let columns = terminal_width().unwrap_or(80).saturating_sub(1);
            to_stderr(&format!("\r\x1b[2K{}", fitted(line, columns)));
            self.shown = true;
        } else {
            to_stderr(&format!("{line}\n"));
        }
    }

    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            to_stderr("\r\x1b[2K");
        }
    }
}

impl Observer for Watcher<'_> {
    fn second(&mut self, aggregate: &Aggregate, elapsed: Duration) -> Wish {
        let snapshot = aggregate.snapshot();
        if !self.quiet && (self.live || elapsed.as_secs().is_multiple_of(PLAIN_EVERY)) {
            let line = progress::line(&Progress::of(snapshot, self.planned));
            self.show(&line);
        }
        self.broken = self.broken.or_else(|| judge::should_abort(&self.graph.thresholds, snapshot, elapsed));
        if self.broken.is_some() { Wish::Abort } else { Wish::GoOn }
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        self.clear();
        let message = clean(&mask(message, &self.graph.secrets));
        to_stderr(&format!("{}: {message}\n", level.name()));
    }

    fn draining(&mut self) {
        if !self.quiet {
            self.clear();
            to_stderr("interrupted: running iterations may finish; press Ctrl-C again to end now\n");
        }
    }

    fn paused(&mut self, paused: bool) {
        if !self.quiet {
            self.clear();
            to_stderr(match paused {
                true => "paused: no new iterations start, and the time of the plan goes on; SIGUSR1 resumes\n",
                false => "resumed\n",
            });
        }
    }
}
