//! What is wrong with a data file, and where.

use crate::diagnostic::{Diagnostic, Quote};
use crate::source::Span;

/// A mistake in a file, with the line that it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    pub message: String,
    pub help: Option<String>,
    /// Counted from 1, with the line's text and the bytes of it that are meant. `None` where the file as a whole is.
    place: Option<(usize, String, std::ops::Range<usize>)>,
}

/// Bytes of a line that a mistake keeps.
const LONGEST_QUOTE: usize = 2000;

impl Mistake {
    pub(super) fn of_file(message: impl Into<String>) -> Mistake {
        Mistake { message: message.into(), help: None, place: None }
    }

    /// At some bytes of the file; `line` is the number of the line in which they begin.
    pub(super) fn at(message: impl Into<String>, line: usize, file: &[u8], bytes: std::ops::Range<usize>) -> Mistake {
        let before = file[..bytes.start].iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
        let start = before.map_or(0, |at| at + 1).max(bytes.start.saturating_sub(LONGEST_QUOTE));
        let length = file[start..].iter().take(LONGEST_QUOTE * 2).position(|byte| matches!(byte, b'\n' | b'\r'));
        let end = length.map_or(file.len().min(start + LONGEST_QUOTE * 2), |length| start + length);
        // Bytes that are no text are replaced, each of them by as many as there are in front of the place.
        let text = |from: usize, to: usize| String::from_utf8_lossy(&file[from..to.max(from)]).into_owned();
        let (head, middle) = (text(start, bytes.start), text(bytes.start, bytes.end.min(end)));
        let range = head.len()..head.len() + middle.len();
        let quote = head + &middle + &text(bytes.end.clamp(bytes.start, end), end);
        Mistake { message: message.into(), help: None, place: Some((line, quote, range)) }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Mistake {
        self.help = Some(help.into());
        self
    }

    /// As it is told at the place where the plan names the file.
    pub fn told(self, file: &str, span: Span) -> Diagnostic {
        let place = self.place.as_ref().map_or(String::new(), |(line, ..)| format!(", line {line}"));
        let mut found = Diagnostic::error("bad-data", format!("`{file}`{place}: {}", self.message)).at(span);
        found.help.extend(self.help);
        found.quote =
            self.place.map(|(line, text, range)| Box::new(Quote { file: file.to_owned(), line, text, range }));
        found
    }
}
