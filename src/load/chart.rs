//! The load over time as a text chart.

use std::time::Duration;

use super::Ramp;
use crate::units::format_duration;

const COLUMNS: u32 = 64;
const ROWS: u64 = 8;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Planned VUs of all scenarios together; each comes with the time at which it starts.
pub fn chart(scenarios: &[(Duration, Ramp)]) -> String {
    let end = scenarios.iter().map(|(start, ramp)| *start + ramp.duration()).max().unwrap_or_default();
    let heights: Vec<u64> = (0..COLUMNS).map(|column| most_within(scenarios, end, column)).collect();
    let peak = heights.iter().copied().max().unwrap_or(0).max(1);
    let label = peak.to_string().len().max("VUs".len());
    let mut out = String::new();
    for row in (0..ROWS).rev() {
        let edge = match row {
            _ if row == ROWS - 1 => peak.to_string(),
            _ => String::new(),
        };
        out.push_str(&format!("  {edge:>label$} │"));
        for height in &heights {
            let eighths = (u128::from(*height) * u128::from(ROWS) * 8).div_ceil(u128::from(peak)) as u64;
            out.push(EIGHTHS[eighths.saturating_sub(row * 8).min(8) as usize]);
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    let line = "─".repeat(COLUMNS as usize);
    let end_text = format_duration(end);
    let gap = (COLUMNS as usize).saturating_sub(end_text.len() + 1);
    out.push_str(&format!("  {:>label$} └{line}\n  {:>label$}  0{:gap$}{end_text}\n", 0, "VUs", ""));
    out
}

/// The most VUs within a column, looked at in a few places, so that a short peak shows.
fn most_within(scenarios: &[(Duration, Ramp)], end: Duration, column: u32) -> u64 {
    const LOOKS: u32 = 8;
    let looks = (0..LOOKS).map(|look| {
        let at = end.mul_f64(f64::from(column * LOOKS + look) / f64::from(COLUMNS * LOOKS));
        scenarios.iter().map(|(start, ramp)| at.checked_sub(*start).map_or(0, |at| ramp.vus_at(at))).sum::<u64>()
    });
    looks.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Stage;

    #[test]
    fn a_ramp_is_drawn_from_its_start_to_its_end() {
        let stages = [(30, 50), (60, 50), (30, 0)]
            .map(|(seconds, target)| Stage { duration: Duration::from_secs(seconds), target });
        let drawn = chart(&[(Duration::ZERO, Ramp::new(0, &stages, Duration::ZERO))]);
        let rows: Vec<&str> = drawn.lines().collect();
        assert_eq!(rows.len(), 10, "{drawn}");
        assert!(rows[0].starts_with("   50 │") && rows[0].contains("████████████████"), "{drawn}");
        assert!(rows[9].starts_with("  VUs  0") && rows[9].ends_with("2m"), "{drawn}");
    }
}
