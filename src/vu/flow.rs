//! What comes after a step.

/// After a step: the next one, or the end of the iteration.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Flow {
    Next,
    End(Ending),
}

/// Why an iteration ends before its last step.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// `stop: iteration`, with the outcome it gave.
    Named(Option<String>),
    /// A `require`, an extraction, a template or a poll failed. The reason is recorded already.
    Failed,
    VuStops,
    TestStops(String),
}

impl Ending {
    /// Of branches that ran at the same time the worst ending counts.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Ending::Named(_) => 0,
            Ending::Failed => 1,
            Ending::VuStops => 2,
            Ending::TestStops(_) => 3,
        }
    }

    /// Whether nothing of the VU goes on.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Ending::VuStops | Ending::TestStops(_))
    }
}

impl Flow {
    pub(super) const FAILED: Flow = Flow::End(Ending::Failed);
}
