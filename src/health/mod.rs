//! Stage 5b: how the generator itself is doing.
//!
//! Owns: what the system says about our own process and its threads, and when that means that its numbers are not the target's.
//! Must never know: plans, thresholds, clocks. The coordinator says when it looks; threads that make load read nothing but
//! their own CPU time.

mod cgroup;
mod limits;
mod machine;
mod proc;
mod threads;
mod usage;

pub use cgroup::Throttled;
pub use limits::Own;
pub use machine::{Machine, Reading, available_memory};
pub use threads::{Cpu, Stretch, thread_cpu};
pub use usage::{Second, Usage};

use std::time::Duration;

use threads::Threads;

/// The generator over a whole run, in memory that does not grow with it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    threads: Threads,
    machine: Machine,
    usage: Usage,
    last: Reading,
    /// What threads have told since the last look.
    open: Second,
}

impl Health {
    /// Looks at the limits, and where the counters stand before any load is made.
    pub fn begin() -> Health {
        let machine = Machine::find();
        let last = machine.read();
        Health { usage: Usage::within(&machine), machine, last, ..Health::default() }
    }

    pub fn absorb(&mut self, stretch: &Stretch) {
        self.threads.absorb(stretch);
        self.open.absorb(stretch);
    }

    /// A look at the process, once a second and at the end; `elapsed` is since the start of the run.
    pub fn second(&mut self, elapsed: Duration) {
        let reading = self.machine.read();
        let before = std::mem::replace(&mut self.last, reading);
        let second = std::mem::take(&mut self.open).measured(&before, &reading);
        self.usage.push(second, elapsed);
    }

    /// CPU time of the threads that make load, together.
    pub fn busy(&self) -> Duration {
        self.threads.busy
    }

    /// How late tasks got their turn; `None` in a run that was over before the first look.
    pub fn late_p99(&self) -> Option<Duration> {
        self.threads.late_p99()
    }

    /// What it used of what it may use.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Why the run's times are not the target's, or its load not the plan's: one sentence for each resource that was short.
    pub fn saturated(&self) -> Option<String> {
        // A quota is why threads starve: one cause, told once.
        let cpu = self.usage.held_back().or_else(|| self.threads.starved());
        let all: Vec<String> =
            [cpu, self.threads.started_late(), self.usage.out_of_memory()].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}
