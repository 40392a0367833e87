//! Numbers as people read them.

use std::time::Duration;

/// `1,234,567`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 VU`, `1,234 VUs`
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Of 0..=1, in percent with two digits. What is not quite nothing or not quite all never looks as if it were.
pub fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent > 0.0 && percent < 0.01 => "<0.01".to_owned(),
        _ if percent > 99.99 && percent < 100.0 => ">99.99".to_owned(),
        _ => format!("{percent:.2}"),
    }
}

/// Five significant digits, so that a value which just misses its limit doesn't read like the limit.
pub fn precise(value: f64) -> String {
    let whole = value.abs().max(1.0).log10().floor() as usize + 1;
    let text = format!("{value:.*}", 5usize.saturating_sub(whole));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `250ms`, `12.3s`, `6m 00s`, `1h 05m`
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{}ms", time.as_millis()),
        1..60 => format!("{}s", precise((time.as_millis() / 100) as f64 / 10.0)),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Decimal units, as networks count: `1.23 MB`.
pub fn bytes(number: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let power = ((number.max(1.0).log10() / 3.0) as usize).min(units.len() - 1);
    let value = number / 1000f64.powi(power as i32);
    match power {
        0 => format!("{value:.0} B"),
        _ => format!("{value:.2} {}", units[power]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_they_are_meant() {
        let check = |text: String, expected: &str| assert_eq!(text, expected);
        check(count(0), "0");
        check(count(999), "999");
        check(count(1_234_567), "1,234,567");
        check(counted(0, "VU"), "0 VUs");
        check(counted(1, "VU"), "1 VU");
        check(counted(1_234, "request"), "1,234 requests");
        check(share(0.0), "0.00");
        check(share(0.000_001), "<0.01");
        check(share(0.999_999), ">99.99");
        check(share(1.0), "100.00");
        check(precise(1402.2), "1402.2");
        check(precise(0.010_003), "0.01");
        check(precise(1.0003), "1.0003");
        check(precise(1_234_567.0), "1234567");
        check(precise(100.0), "100");
        check(duration(Duration::from_millis(250)), "250ms");
        check(duration(Duration::from_millis(12_340)), "12.3s");
        check(duration(Duration::from_secs(360)), "6m 00s");
        check(duration(Duration::from_secs(3_905)), "1h 05m");
        check(bytes(999.0), "999 B");
        check(bytes(1_234_567.0), "1.23 MB");
    }
}
