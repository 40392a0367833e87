//! Durations, percentages, rates and sizes as people write them.
//!
//! Owns: parsing and printing of bare quantities. Knows nothing of where they stand.

mod size;

pub use std::time::Duration;

pub use size::{format_size, parse_size};

/// Nothing in a plan lasts longer, and arithmetic on it cannot overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Largest first, as they are combined: `1h30m`.
const UNITS: [(&str, u128); 6] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

/// Parses `250ms`, `1.5s`, `1m30s`, `2h`, `1d`, `100us`. A bare number is refused with a message that names the fix
/// (`10` → "write `10s`"), and so is `1M`. Errors are whole sentences in lower case for a diagnostic.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    refuse_what_is_no_duration(text)?;
    let mut rest = text;
    let mut nanos: u128 = 0;
    let mut smallest = u128::MAX;
    while !rest.is_empty() {
        let (number, unit, after) = next_quantity(rest);
        let size = unit_size(text, number, unit)?;
        if size >= smallest {
            return Err(format!("`{text}` has its units out of order: write the largest first, as in `1h30m`"));
        }
        smallest = size;
        nanos = nanos.saturating_add(nanos_of(text, number, size)?);
        rest = after;
    }
    if nanos > LONGEST.as_nanos() {
        return Err(format!("`{text}` is longer than 365 days"));
    }
    // The cap above is far below what 64 bits of nanoseconds hold.
    Ok(Duration::from_nanos(nanos as u64))
}

/// The shortest exact form that [`parse_duration`] reads back: `1m30s`, `1.5s`, `250ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let nanos = u128::from(duration.subsec_nanos());
    if seconds == 0 && nanos > 0 {
        let (unit, size) = if nanos >= 1_000_000 { ("ms", 1_000_000) } else { ("us", 1_000) };
        return format!("{}{unit}", decimal(nanos, size));
    }
    let mut text = String::new();
    for (count, unit) in [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m")] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    let last = u128::from(seconds % 60) * 1_000_000_000 + nanos;
    if last > 0 || text.is_empty() {
        text.push_str(&format!("{}s", decimal(last, 1_000_000_000)));
    }
    text
}

fn refuse_what_is_no_duration(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a duration is missing: write one such as `30s`".to_owned());
    }
    if text.contains(char::is_whitespace) {
        let joined: String = text.split_whitespace().collect();
        parse_duration(&joined)?;
        return Err(format!("`{text}` has a space in it: write `{joined}`"));
    }
    if text.starts_with('-') {
        return Err(format!("`{text}` is negative: a duration is 0 or more"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(format!("`{text}` has no unit: write `{text}s` for seconds, or `{text}ms` for milliseconds"));
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Err(format!("`{text}` is not a duration: write one such as `30s`, `1m30s` or `250ms`"));
    }
    Ok(())
}

/// `1m30s` → `1`, `m`, `30s`.
fn next_quantity(text: &str) -> (&str, &str, &str) {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let unit_at = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, tail) = text.split_at(unit_at);
    let rest_at = tail.find(is_number).unwrap_or(tail.len());
    let (unit, rest) = tail.split_at(rest_at);
    (number, unit, rest)
}

fn unit_size(text: &str, number: &str, unit: &str) -> Result<u128, String> {
    let plain = if matches!(unit, "µs" | "μs") { "us" } else { unit };
    if let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == plain) {
        return Ok(*size);
    }
    if unit.is_empty() {
        return Err(format!("the `{number}` in `{text}` has no unit: write `{text}s`"));
    }
    let meant = match unit.to_lowercase().as_str() {
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => {
            return Err(format!(
                "`{unit}` in `{text}` is no unit of time: there are `us`, `ms`, `s`, `m`, `h` and `d`"
            ));
        }
    };
    Err(format!("`{unit}` in `{text}` is no unit of time: write `{number}{meant}`"))
}

/// Exact: no floating point, so that `0.1s` is 100 ms to the nanosecond.
fn nanos_of(text: &str, number: &str, size: u128) -> Result<u128, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let malformed = || format!("`{number}` in `{text}` is not a number");
    let too_long = || format!("`{text}` is longer than 365 days");
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) || number.ends_with('.') {
        return Err(malformed());
    }
    if whole.len() > 18 {
        return Err(too_long());
    }
    // Digits beyond a nanosecond of a day change nothing.
    let fraction = &fraction[..fraction.len().min(15)];
    let parse = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<u128>().map_err(|_| malformed()) };
    Ok(parse(whole)? * size + parse(fraction)? * size / 10u128.pow(fraction.len() as u32))
}

/// `1500 / 1000` → `1.5`, exactly.
fn decimal(value: u128, size: u128) -> String {
    let (whole, rest) = (value / size, value % size);
    if rest == 0 {
        return whole.to_string();
    }
    let width = size.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0width$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, nanos) in [
            ("0s", 0),
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("0.1s", 100_000_000),
            ("1m30s", 90_000_000_000),
            ("1h0.5m", 3_630_000_000_000),
            ("2h", 7_200_000_000_000),
            ("1d", 86_400_000_000_000),
            ("100us", 100_000),
            ("100µs", 100_000),
            ("1m5ms", 60_005_000_000),
            ("365d", 31_536_000_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_the_fix() {
        for (text, fix) in [
            ("", "write one such as `30s`"),
            ("10", "write `10s`"),
            ("1.5", "write `1.5s`"),
            ("1M", "write `1m`"),
            ("5 s", "write `5s`"),
            ("10sec", "write `10s`"),
            ("2 hours", "write `2h`"),
            ("-5s", "is negative"),
            ("1m30", "write `1m30s`"),
            ("30s1m", "largest first"),
            ("1s1s", "largest first"),
            ("366d", "longer than 365 days"),
            ("99999999999999999999999h", "longer than 365 days"),
            ("1.2.3s", "is not a number"),
            ("1.s", "is not a number"),
            ("soon", "is not a duration"),
            ("1w", "is no unit of time"),
            ("5한", "is no unit of time"),
        ] {
            let error = parse_duration(text).expect_err(text);
            assert!(error.contains(fix), "{text}: {error}");
        }
    }

    #[test]
    fn durations_are_printed_as_people_write_them() {
        for (nanos, text) in [
            (0, "0s"),
            (500, "0.5us"),
            (250_000_000, "250ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h"),
            (90_061_000_000_000, "1d1h1m1s"),
        ] {
            assert_eq!(format_duration(Duration::from_nanos(nanos)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(nanos in 0u64..31_536_000_000_000_000) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}|[0-9.]{0,40}[a-zµ]{0,3}") {
            let _ = parse_duration(&text);
        }
    }
}
