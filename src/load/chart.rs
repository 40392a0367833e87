//! The load over time as a text chart.

use std::time::Duration;

use super::{Arrivals, Ramp};
use crate::units::format_duration;

const COLUMNS: u32 = 64;
const ROWS: u64 = 8;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Planned VUs of all scenarios together; each comes with the time at which it starts.
pub fn chart(scenarios: &[(Duration, Ramp)], end: Duration) -> String {
    draw("VUs", end, |at| {
        scenarios.iter().filter_map(|(start, ramp)| Some(ramp.vus_at(at.checked_sub(*start)?) as f64)).sum()
    })
}

/// Planned arrivals per second of all scenarios together.
pub fn chart_rate(scenarios: &[(Duration, Arrivals)], end: Duration) -> String {
    draw("/s", end, |at| scenarios.iter().filter_map(|(start, rate)| Some(rate.rate_at(at.checked_sub(*start)?))).sum())
}

fn draw(unit: &str, end: Duration, height: impl Fn(Duration) -> f64) -> String {
    let heights: Vec<f64> = (0..COLUMNS).map(|column| most_within(&height, end, column)).collect();
    let peak = heights.iter().copied().fold(0.0, f64::max);
    let top = number(peak);
    let label = top.len().max(unit.len());
    let mut out = String::new();
    for row in (0..ROWS).rev() {
        let edge = if row == ROWS - 1 { top.as_str() } else { "" };
        out.push_str(&format!("  {edge:>label$} │"));
        for height in &heights {
            // A little less, so that the noise of a division is not rounded up to an eighth.
            let eighths = if peak > 0.0 { (height / peak * (ROWS * 8) as f64 - 1e-9).ceil() as u64 } else { 0 };
            out.push(EIGHTHS[eighths.saturating_sub(row * 8).min(8) as usize]);
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    let line = "─".repeat(COLUMNS as usize);
    let end_text = format_duration(end);
    let gap = (COLUMNS as usize).saturating_sub(end_text.len() + 1);
    out.push_str(&format!("  {:>label$} └{line}\n  {unit:>label$}  0{:gap$}{end_text}\n", 0, ""));
    out
}

/// Whole, except where that would say nothing: 3 per hour.
fn number(value: f64) -> String {
    match value {
        _ if value.fract() == 0.0 || value >= 10.0 => format!("{value:.0}"),
        _ if value >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.1e}"),
    }
}

/// The most within a column, looked at in a few places, so that a short peak shows.
fn most_within(height: &impl Fn(Duration) -> f64, end: Duration, column: u32) -> f64 {
    const LOOKS: u32 = 8;
    let looks = (0..LOOKS).map(|look| {
        let at = end.mul_f64(f64::from(column * LOOKS + look) / f64::from(COLUMNS * LOOKS));
        height(at)
    });
    looks.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Stage;

    #[test]
    fn a_ramp_is_drawn_from_its_start_to_its_end() {
        let stages = [(30, 50), (60, 50), (30, 0)]
            .map(|(seconds, target)| Stage { duration: Duration::from_secs(seconds), target });
        let ramp = Ramp::new(0, &stages, Duration::ZERO);
        let drawn = chart(&[(Duration::ZERO, ramp)], Duration::from_secs(120));
        let rows: Vec<&str> = drawn.lines().collect();
        assert_eq!(rows.len(), 10, "{drawn}");
        assert!(rows[0].starts_with("   50 │") && rows[0].contains("████████████████"), "{drawn}");
        assert!(rows[9].starts_with("  VUs  0") && rows[9].ends_with("2m"), "{drawn}");
    }

    #[test]
    fn rates_are_drawn_per_second() {
        for (rate, unit, top) in [(600, 60, "10"), (3, 3600, "8.3e-4"), (3, 2, "1.50")] {
            let (unit, length) = (Duration::from_secs(unit), Duration::from_secs(60));
            let drawn = chart_rate(&[(Duration::ZERO, Arrivals::constant(rate, unit, length))], length);
            assert!(drawn.trim_start().starts_with(&format!("{top} │████")), "{drawn}");
        }
    }
}
