//! The grammar of one threshold: `STATISTIC OPERATOR VALUE`, and which of it fits which kind of metric.

use crate::diagnostic::{Diagnostic, closest};
use crate::judge::{Comparison, Statistic};
use crate::metrics::Kind;
use crate::units::parse_duration;

/// In k6 a counter, so that plans from there count it.
const DROPPED: &str = "dropped_iterations";

#[derive(Debug, PartialEq)]
pub(super) struct Statement {
    pub statistic: Statistic,
    pub comparison: Comparison,
    /// In the metric's unit: ms for times, 0..1 for rates, per second for the `rate` of a counter.
    pub limit: f64,
}

/// What a statistic of a metric is measured in.
#[derive(Clone, Copy, PartialEq)]
enum Dimension {
    Time,
    /// 0 to 1.
    Share,
    PerSecond,
    Number,
}

const STATISTICS: &[(&str, Statistic)] = &[
    ("avg", Statistic::Avg),
    ("min", Statistic::Min),
    ("med", Statistic::Med),
    ("max", Statistic::Max),
    ("count", Statistic::Count),
    ("rate", Statistic::Rate),
    ("value", Statistic::Value),
];

/// What people from elsewhere write.
const SYNONYMS: &[(&str, &str)] = &[
    ("mean", "avg"),
    ("average", "avg"),
    ("median", "med"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("sum", "count"),
    ("total", "count"),
    ("rps", "rate"),
    ("ratio", "rate"),
    ("last", "value"),
];

const OPERATORS: &[(&str, Comparison)] = &[
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// Operators of other languages and slips, longest first.
const WRONG_OPERATORS: &[(&str, &str)] =
    &[("===", "=="), ("!==", "!="), ("=<", "<="), ("=>", ">="), ("<>", "!="), ("≤", "<="), ("≥", ">=")];

/// The diagnostic has no place yet.
pub(super) fn parse(text: &str, metric: &str, kind: Kind) -> Result<Statement, Box<Diagnostic>> {
    if ["&&", "||", " and ", " or "].iter().any(|joint| text.contains(joint)) {
        return Err(syntax(text, "holds two conditions").help("write two thresholds").into());
    }
    let (left, operator, right) = split(text)?;
    let statistic = statistic(text, left)?;
    check_fits(metric, kind, statistic, left)?;
    let dimension = dimension(kind, statistic);
    let limit = limit(right, metric, dimension)?;
    check_possible(text, operator, limit, dimension)?;
    Ok(Statement { statistic, comparison: operator, limit })
}

/// Whether no sample could ever break it.
pub(super) fn always_holds(statement: &Statement, kind: Kind) -> bool {
    match (statement.comparison, dimension(kind, statement.statistic)) {
        (Comparison::GreaterOrEqual, _) => statement.limit == 0.0,
        (Comparison::LessOrEqual, Dimension::Share) => statement.limit == 1.0,
        _ => false,
    }
}

/// `rate<1`: a share below 100 %.
pub(super) fn tolerates_nearly_all(statement: &Statement) -> bool {
    statement.statistic == Statistic::Rate && statement.comparison == Comparison::Less && statement.limit == 1.0
}

fn syntax(text: &str, what: &str) -> Diagnostic {
    Diagnostic::error("threshold-syntax", format!("the threshold `{text}` {what}"))
}

fn split(text: &str) -> Result<(&str, Comparison, &str), Box<Diagnostic>> {
    let Some(at) = text.find(['<', '>', '=', '!', '≤', '≥']) else {
        let example = "write a statistic, an operator and a limit, such as `p(95)<500`";
        return Err(syntax(text, "compares nothing").help(example).into());
    };
    let (left, rest) = (text[..at].trim(), &text[at..]);
    if let Some((wrong, right)) = WRONG_OPERATORS.iter().find(|(wrong, _)| rest.starts_with(wrong)) {
        return Err(syntax(text, &format!("has no known operator: `{wrong}`")).help(format!("write `{right}`")).into());
    }
    let Some((written, comparison)) = OPERATORS.iter().find(|(written, _)| rest.starts_with(written)) else {
        if rest.starts_with('=') {
            return Err(syntax(text, "has no known operator: `=`").help("write `==`").into());
        }
        return Err(syntax(text, "has no known operator").help("use one of `<`, `<=`, `>`, `>=`, `==`, `!=`").into());
    };
    let right = rest[written.len()..].trim();
    if right.contains(['<', '>', '=']) {
        return Err(syntax(text, "compares twice").help("write two thresholds").into());
    }
    if right.is_empty() {
        return Err(syntax(text, &format!("has no limit behind `{written}`")).into());
    }
    if left.starts_with(|first: char| first.is_ascii_digit())
        && !right.starts_with(|first: char| first.is_ascii_digit())
    {
        return Err(syntax(text, "begins with its limit").help("put the statistic first: `p(95)<500`").into());
    }
    Ok((left, *comparison, right))
}

fn statistic(text: &str, left: &str) -> Result<Statistic, Box<Diagnostic>> {
    let name: String = left.to_lowercase().split_whitespace().collect();
    if let Some((_, statistic)) = STATISTICS.iter().find(|(known, _)| *known == name) {
        return Ok(*statistic);
    }
    let inside = name.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
    match inside.map(str::parse::<f64>) {
        // A fraction of a percent is not what anyone writing `p(0.95)` means.
        Some(Ok(n)) if n == 0.0 || (1.0..=100.0).contains(&n) => return Ok(Statistic::Percentile(n)),
        Some(Ok(n)) if n > 0.0 && n < 1.0 => {
            let help = format!("percentiles are given in percent: write `p({})`", round(n * 100.0));
            return Err(syntax(text, &format!("asks for percentile {n} of 100")).help(help).into());
        }
        Some(_) => return Err(syntax(text, "asks for a percentile that is not between 0 and 100").into()),
        None => {}
    }
    Err(unknown_statistic(text, left, &name).into())
}

fn unknown_statistic(text: &str, left: &str, name: &str) -> Diagnostic {
    if left.is_empty() {
        return syntax(text, "names no statistic").help("begin with one, such as `p(95)`, `avg`, `rate` or `count`");
    }
    let diagnostic = syntax(text, &format!("has no known statistic: `{left}`"));
    let digits: String = name.chars().filter(|letter| letter.is_ascii_digit() || *letter == '.').collect();
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    let percentile =
        matches!(&*letters, "" | "p" | "pc" | "perc" | "pct" | "percentile" | "th" | "pth" | "q" | "quantile");
    if percentile && !digits.is_empty() {
        return diagnostic.help(format!("write `p({digits})`"));
    }
    let synonym = SYNONYMS.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours);
    match synonym.or_else(|| closest(name, STATISTICS.iter().map(|(known, _)| *known))) {
        Some(ours) => diagnostic.help(format!("write `{ours}`")),
        None => diagnostic.help("there are `avg`, `min`, `med`, `max`, `p(N)`, `count`, `rate` and `value`"),
    }
}

/// The statistics of a kind, and whether one of them is asked for.
fn check_fits(metric: &str, kind: Kind, statistic: Statistic, left: &str) -> Result<(), Box<Diagnostic>> {
    use Statistic::{Avg, Count, Max, Med, Min, Percentile, Rate, Value};
    let (what, fits, those) = match kind {
        Kind::Counter => ("a counter", matches!(statistic, Count | Rate), "`count` and `rate` (per second)"),
        Kind::Gauge => ("a gauge", matches!(statistic, Value | Min | Max), "`value`, `min` and `max`"),
        Kind::Rate if metric == DROPPED => {
            ("a rate", matches!(statistic, Rate | Count), "`rate` (of all that were due) and `count`")
        }
        Kind::Rate => ("a rate", matches!(statistic, Rate), "`rate`"),
        Kind::Trend { .. } => (
            "a trend",
            matches!(statistic, Avg | Min | Med | Max | Count | Percentile(_)),
            "`avg`, `min`, `med`, `max`, `p(N)` and `count`",
        ),
    };
    if fits {
        return Ok(());
    }
    let message = format!("`{metric}` is {what} and has no `{left}`");
    Err(Diagnostic::error("threshold-statistic", message).help(format!("it has {those}")).into())
}

fn dimension(kind: Kind, statistic: Statistic) -> Dimension {
    match (kind, statistic) {
        (_, Statistic::Count) => Dimension::Number,
        (Kind::Trend { time: true }, _) => Dimension::Time,
        (Kind::Rate, _) => Dimension::Share,
        (Kind::Counter, _) => Dimension::PerSecond,
        (Kind::Trend { time: false } | Kind::Gauge, _) => Dimension::Number,
    }
}

fn limit(written: &str, metric: &str, dimension: Dimension) -> Result<f64, Box<Diagnostic>> {
    let compact: String = written.split_whitespace().collect();
    let end = compact.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(compact.len());
    let (digits, unit) = compact.split_at(end);
    let Ok(number) = digits.parse::<f64>() else {
        let message = format!("`{written}` is no number that `{metric}` could be compared with");
        return Err(Diagnostic::error("threshold-syntax", message).help(examples(dimension)).into());
    };
    let wrong = |help: String| {
        let message =
            format!("`{written}` does not fit `{metric}`, which is measured in {}", unit_name(metric, dimension));
        Err(Diagnostic::error("threshold-unit", message).help(help).into())
    };
    if let Some(size) = bytes(unit.trim_end_matches("/s")).filter(|_| metric.starts_with("data_")) {
        let fits = dimension == Dimension::PerSecond || !unit.ends_with("/s");
        return if fits { Ok(number * size) } else { wrong("it is in bytes: write it without `/s`".to_owned()) };
    }
    match (dimension, unit) {
        (_, "") => Ok(number),
        (Dimension::Number, _) if metric.starts_with("data_") => {
            wrong("it is in bytes: write a bare number, or one such as `500kB`, `10MB` or `1GiB`".to_owned())
        }
        (Dimension::Time, "%" | "/s") => wrong(examples(dimension)),
        (Dimension::Time, _) => match parse_duration(&compact) {
            Ok(time) => Ok(time.as_nanos() as f64 / 1e6),
            Err(reason) => wrong(reason),
        },
        (Dimension::Share, "%") => Ok(number / 100.0),
        (Dimension::PerSecond, "/s" | "/sec") => Ok(number),
        (Dimension::PerSecond, "/m" | "/min") => Ok(number / 60.0),
        (Dimension::PerSecond, "/h") => Ok(number / 3600.0),
        _ => wrong(examples(dimension)),
    }
}

/// Bytes in a unit of data.
fn bytes(unit: &str) -> Option<f64> {
    Some(match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        _ => return None,
    })
}

fn unit_name(metric: &str, dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Number if metric.starts_with("data_") => "bytes",
        Dimension::Time => "time",
        Dimension::Share => "parts of 1",
        Dimension::PerSecond => "events per second",
        Dimension::Number => "plain numbers",
    }
}

fn examples(dimension: Dimension) -> String {
    match dimension {
        Dimension::Time => "write milliseconds as a bare number, or a time such as `250ms`, `3s` or `1m`",
        Dimension::Share => "write a number from 0 to 1, or a percentage such as `1%`",
        Dimension::PerSecond => "write a number per second, or a rate such as `300/s`, `100/m` or `50/h`",
        Dimension::Number => "write a bare number",
    }
    .to_owned()
}

/// A limit that no value can meet, or that cannot be meant.
fn check_possible(text: &str, comparison: Comparison, limit: f64, dimension: Dimension) -> Result<(), Box<Diagnostic>> {
    let impossible = |why: &str| Diagnostic::error("threshold-limit", format!("the threshold `{text}` {why}"));
    if !limit.is_finite() {
        return Err(impossible("has a limit that no value ever comes near").help(examples(dimension)).into());
    }
    if dimension == Dimension::Share && limit > 1.0 {
        let shown = round(limit);
        let diagnostic = impossible("has a limit above 1, which a rate never reaches");
        return Err(match limit <= 100.0 && !text.contains('%') {
            true => diagnostic.help(format!("did you mean `{shown}%`?")),
            false => diagnostic.help(examples(dimension)),
        }
        .into());
    }
    let never = match comparison {
        Comparison::Less => limit == 0.0,
        Comparison::Greater => dimension == Dimension::Share && limit == 1.0,
        _ => false,
    };
    if never { Err(impossible("can never hold").into()) } else { Ok(()) }
}

/// Without the noise of binary fractions: `0.95 × 100` is 95.
fn round(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 5] =
        [Kind::Counter, Kind::Gauge, Kind::Rate, Kind::Trend { time: true }, Kind::Trend { time: false }];

    /// What statements are made of, and what is only nearly so.
    fn soup() -> impl Strategy<Value = String> {
        let words = [
            "p(", "95", "0.5", ")", "avg", "rate", "count", "value", "<", "<=", "=", "!", "≤", "≥", "1", ".", "%",
            "/s", "/min", "ms", "MB", "µ", " ", "-", "&&", "é",
        ];
        proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..8).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_every_limit_is_a_number(text in prop_oneof!["\\PC{0,20}", soup(), "avg<[0-9]{1,400}"]) {
            for kind in KINDS {
                for metric in ["http_req_duration", "data_sent"] {
                    if let Ok(statement) = parse(&text, metric, kind) {
                        prop_assert!(statement.limit.is_finite() && statement.limit >= 0.0, "{text}");
                        always_holds(&statement, kind);
                    }
                }
            }
        }
    }
}
