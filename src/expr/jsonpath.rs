//! JSONPath queries (RFC 9535).
//!
//! Owns: the walk of plain paths, which is most of them and ten times faster than the general engine. Must never know: where the JSON is from.

use jsonpath_rust::parser::model::JpQuery;
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;

use super::Value;

/// Longest query, in bytes.
const TEXT_LIMIT: usize = 2 * 1024;
/// Deepest nesting of calls in a filter: the parser tries each of them three times over before it gives up.
const CALL_LIMIT: usize = 6;
/// `..` in a query: with each more, a value is found once for every way to come to it from above.
const DESCENT_LIMIT: usize = 2;
/// Brackets with several selectors find a value once for every way through them.
const WAYS_LIMIT: usize = 256;

/// A compiled JSONPath (RFC 9535): plain paths are walked by us, the rest by `jsonpath-rust`.
#[derive(Clone, Debug)]
pub struct JsonPath {
    text: String,
    query: Query,
}

#[derive(Clone, Debug)]
enum Query {
    Plain(Vec<Step>),
    General(Box<JpQuery>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    /// From the end where negative.
    Index(i64),
    All,
}

impl JsonPath {
    /// The error is a sentence for a diagnostic.
    pub fn parse(text: &str) -> Result<JsonPath, String> {
        if !text.starts_with('$') {
            return Err(format!("a JSONPath begins with `$`, as in `$.{}`", text.chars().take(40).collect::<String>()));
        }
        if text.len() > TEXT_LIMIT {
            return Err(format!("a JSONPath has at most {TEXT_LIMIT} bytes, not {}", text.len()));
        }
        let query = match plain(&text[1..]) {
            Some(steps) => Query::Plain(steps),
            None => {
                refuse_what_takes_forever(text)?;
                Query::General(Box::new(parse_json_path(text).map_err(|error| explained(text, &error.to_string()))?))
            }
        };
        Ok(JsonPath { text: text.to_owned(), query })
    }

    /// All matches, in document order.
    pub fn find<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        match &self.query {
            Query::Plain(steps) => {
                let mut found = Vec::new();
                walk(root, steps, &mut found);
                found
            }
            Query::General(query) => js_path_process(query, root)
                .map(|found| found.into_iter().map(|found| found.val()).collect())
                .unwrap_or_default(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What is short to write, and exponential to read or to run.
fn refuse_what_takes_forever(text: &str) -> Result<(), String> {
    let (mut open, mut ways, mut descents): (Vec<Open>, usize, usize) = (Vec::new(), 1, 0);
    let mut before = ' ';
    for mark in unquoted(text) {
        match mark {
            '(' => open.push(if before.is_ascii_lowercase() || before == '_' { Open::Call } else { Open::Group }),
            '[' => open.push(Open::Bracket(1)),
            ',' => {
                if let Some(Open::Bracket(selectors)) = open.last_mut() {
                    *selectors += 1;
                }
            }
            ')' | ']' => {
                if let Some(Open::Bracket(selectors)) = open.pop() {
                    ways = ways.saturating_mul(selectors);
                }
            }
            '.' if before == '.' => descents += 1,
            _ => {}
        }
        before = mark;
        if open.iter().filter(|open| matches!(open, Open::Call)).count() > CALL_LIMIT {
            return Err(format!("a JSONPath has at most {CALL_LIMIT} calls inside each other"));
        }
    }
    if descents > DESCENT_LIMIT {
        return Err(format!("a JSONPath has at most {DESCENT_LIMIT} times `..`: name what lies between"));
    }
    if ways > WAYS_LIMIT {
        return Err(format!("the brackets of a JSONPath have at most {WAYS_LIMIT} combinations, not {ways}"));
    }
    Ok(())
}

/// What a bracket is for.
enum Open {
    Call,
    Group,
    /// With so many selectors.
    Bracket(usize),
}

/// The characters outside of quotes.
fn unquoted(text: &str) -> impl Iterator<Item = char> {
    let (mut quote, mut escaped) = (None, false);
    text.chars().filter(move |mark| match quote {
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(open) => {
            escaped = *mark == '\\';
            if *mark == open {
                quote = None;
            }
            false
        }
        None => {
            let opens = matches!(mark, '\'' | '"');
            if opens {
                quote = Some(*mark);
            }
            !opens
        }
    })
}

/// The parser's report is a drawing; of it, the place is of use.
fn explained(text: &str, report: &str) -> String {
    let column = report.split_once("--> 1:").and_then(|(_, rest)| rest.lines().next()?.parse::<usize>().ok());
    let Some(column) = column else { return "this JSONPath is not valid".to_owned() };
    match text.chars().nth(column.saturating_sub(1)) {
        Some('-' | ' ') => {
            format!("this JSONPath is not valid at character {column}: such a key is quoted, as in `$['a-b']`")
        }
        _ => format!("this JSONPath is not valid at character {column}"),
    }
}

/// Steps of a path with names, positions and `*` only; `None` for everything else, also for what is not valid.
fn plain(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) =
            if let Some(inner) = rest.strip_prefix('[') { bracketed(inner)? } else { dotted(rest.strip_prefix('.')?)? };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

fn dotted(rest: &str) -> Option<(Step, &str)> {
    if let Some(after) = rest.strip_prefix('*') {
        return Some((Step::All, after));
    }
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii())).unwrap_or(rest.len());
    let name = &rest[..length];
    let valid = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
    valid.then(|| (Step::Key(name.to_owned()), &rest[length..]))
}

fn bracketed(inner: &str) -> Option<(Step, &str)> {
    if let Some(quote) = inner.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let end = inner[1..].find(quote)? + 1;
        let name = &inner[1..end];
        let simple = !name.contains(|c: char| c == '\\' || c.is_control());
        let after = inner[end + 1..].strip_prefix(']')?;
        return simple.then(|| (Step::Key(name.to_owned()), after));
    }
    let end = inner.find(']')?;
    let (selector, after) = (&inner[..end], &inner[end + 1..]);
    if selector == "*" {
        return Some((Step::All, after));
    }
    let digits = selector.strip_prefix('-').unwrap_or(selector);
    let canonical = digits.len() <= 15 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = canonical && (selector == "0" || !digits.starts_with('0'));
    let index = selector.parse().ok().filter(|_| canonical)?;
    Some((Step::Index(index), after))
}

/// Recursion is as deep as the path has steps of `*`, and a path is short.
fn walk<'v>(mut value: &'v Value, steps: &[Step], found: &mut Vec<&'v Value>) {
    for (at, step) in steps.iter().enumerate() {
        let next = match (step, value) {
            (Step::Key(key), Value::Object(entries)) => entries.get(key),
            (Step::Index(index), Value::Array(items)) => element(items, *index),
            (Step::All, Value::Array(items)) => {
                return items.iter().for_each(|item| walk(item, &steps[at + 1..], found));
            }
            (Step::All, Value::Object(entries)) => {
                return entries.values().for_each(|item| walk(item, &steps[at + 1..], found));
            }
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return,
        }
    }
    found.push(value);
}

fn element(items: &[Value], index: i64) -> Option<&Value> {
    let position = if index < 0 {
        items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    items.get(position)
}
