//! Sizes in bytes: `10MB`, `512KiB`.

/// Decimal and binary units, as their names say: `1KB` is 1000 bytes, `1KiB` is 1024.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1000),
    ("MB", 1000 * 1000),
    ("GB", 1000 * 1000 * 1000),
    ("TB", 1000 * 1000 * 1000 * 1000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// No machine holds more, and arithmetic on it cannot overflow.
const LARGEST: u128 = 1 << 50;

/// Parses `10MB`, `1.5GiB`, `512B`. Small letters are fine, since nobody means bits. Errors are whole sentences in lower case for a
/// diagnostic, and name the fix.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let joined: String = text.split_whitespace().collect();
    if joined.len() < text.len() {
        parse_size(&joined)?;
        return Err(format!("`{text}` has a space in it: write `{joined}`"));
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    if number.is_empty() {
        return Err(format!("`{text}` is not a size: write one such as `10MB` or `512KiB`"));
    }
    let size = unit_size(text, number, unit)?;
    let bytes = bytes_of(text, number, size)?;
    u64::try_from(bytes).ok().filter(|_| bytes <= LARGEST).ok_or_else(|| format!("`{text}` is larger than 1024TiB"))
}

/// The shortest exact form that [`parse_size`] reads back: `64MiB`, `10MB`, `1234B`.
pub fn format_size(bytes: u64) -> String {
    let whole = UNITS.iter().filter(|(_, size)| bytes.is_multiple_of(*size) && bytes >= *size);
    let (unit, size) = whole.max_by_key(|(_, size)| *size).unwrap_or(&UNITS[0]);
    format!("{}{unit}", bytes / size)
}

fn unit_size(text: &str, number: &str, unit: &str) -> Result<u64, String> {
    if let Some((_, size)) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
        return Ok(*size);
    }
    if unit.is_empty() {
        return Err(format!("`{text}` has no unit: write `{text}B` for bytes, or `{text}MB` for megabytes"));
    }
    let meant = UNITS.iter().find(|(name, _)| name.len() == 2 && name[..1].eq_ignore_ascii_case(unit));
    Err(match meant {
        Some((name, _)) => format!("`{unit}` in `{text}` is no unit of size: write `{number}{name}`"),
        None => format!(
            "`{unit}` in `{text}` is no unit of size: there are `B`, `KB`, `MB`, `GB`, and `KiB`, `MiB`, `GiB` of 1024"
        ),
    })
}

/// Exact, and a whole number of bytes.
fn bytes_of(text: &str, number: &str, size: u64) -> Result<u128, String> {
    let malformed = || format!("`{number}` in `{text}` is not a number");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || number.ends_with('.') {
        return Err(malformed());
    }
    if whole.len() > 18 {
        return Err(format!("`{text}` is larger than 1024TiB"));
    }
    let fraction = &fraction[..fraction.len().min(15)];
    let parse = |digits: &str| if digits.is_empty() { Ok(0) } else { digits.parse::<u128>().map_err(|_| malformed()) };
    let size = u128::from(size);
    Ok(parse(whole)? * size + parse(fraction)? * size / 10u128.pow(fraction.len() as u32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_exactly_and_printed_as_people_write_them() {
        for (text, bytes, printed) in [
            ("0B", 0, "0B"),
            ("1234B", 1234, "1234B"),
            ("10MB", 10_000_000, "10MB"),
            ("10mb", 10_000_000, "10MB"),
            ("512KiB", 512 << 10, "512KiB"),
            ("1024KiB", 1 << 20, "1MiB"),
            ("1.5GiB", 3 << 29, "1536MiB"),
            (".5KB", 500, "500B"),
            ("64MiB", 64 << 20, "64MiB"),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
            assert_eq!(format_size(bytes), printed, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused_with_the_fix() {
        for (text, fix) in [
            ("", "write one such as `10MB`"),
            ("10", "write `10B` for bytes"),
            ("10M", "write `10MB`"),
            ("10 MB", "write `10MB`"),
            ("10 apples", "is no unit of size"),
            ("-1MB", "is not a size"),
            ("1.2.3MB", "is not a number"),
            ("1.MB", "is not a number"),
            ("2000TiB", "larger than 1024TiB"),
            ("99999999999999999999B", "larger than 1024TiB"),
            ("large", "is not a size"),
        ] {
            let error = parse_size(text).expect_err(text);
            assert!(error.contains(fix), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bytes in 0u64..1 << 50) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}|[0-9.]{0,40}[A-Za-z ]{0,3}") {
            let _ = parse_size(&text);
        }
    }
}
