//! The summary at the end of a run, for a terminal or a CI log.

use comfy_table::Color;
use unicode_width::UnicodeWidthStr;

use super::quantity::{bytes, count, counted, duration, precise, share};
use super::summary::{RequestRow, Summary, ThresholdRow, Times, TrendRow, Unit};
use super::table::{Field, Grid, Narrow};
use crate::judge::{Outcome, State};

/// The whole text. It reads the same without colour: every mark has its word.
pub fn render(summary: &Summary, width: usize, color: bool) -> String {
    let page = Page { width, color };
    let sections = [
        page.header(summary),
        page.thresholds(summary),
        page.checks(summary),
        page.requests(&summary.requests),
        page.trends(
            "ITERATIONS",
            if summary.several_scenarios { "scenario: outcome" } else { "outcome" },
            &summary.iterations,
            Some(" ms"),
        ) + &page.arrivals(summary),
        page.trends("DURATIONS", "what", &summary.durations, Some(" ms")),
        page.trends("POLL ATTEMPTS", "poll", &summary.attempts, None),
        page.network(summary),
        page.problems(summary),
        page.notes(summary),
        page.verdict(summary),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

struct Page {
    width: usize,
    color: bool,
}

impl Page {
    fn header(&self, summary: &Summary) -> String {
        let plan = if summary.plan.is_empty() { "plan without a name" } else { &summary.plan };
        // Where iterations are counted, being done before the time is over is what was wanted.
        let most = if summary.counts_iterations { "at most " } else { "" };
        let took = format!("{} of {most}{} planned", duration(summary.duration), duration(summary.planned));
        let line = format!("{plan} · {took} · peak {}", counted(summary.peak_vus, "VU"));
        self.wrapped("", &line)
    }

    fn thresholds(&self, summary: &Summary) -> String {
        if summary.thresholds.is_empty() {
            return String::new();
        }
        let mut grid = Grid::default()
            .text("", Narrow::Keep)
            .text("metric", Narrow::Wrap)
            .text("must be", Narrow::Keep)
            .number("was", Narrow::Keep);
        for row in &summary.thresholds {
            let was = row.observed.map_or_else(|| "–".to_owned(), |value| observed(value, row));
            grid.rows.push(vec![state(row.state), row.submetric.clone().into(), row.text.clone().into(), was.into()]);
        }
        let title = if summary.default_thresholds { "THRESHOLDS (default: the plan has none)" } else { "THRESHOLDS" };
        self.section(title, grid)
    }

    fn checks(&self, summary: &Summary) -> String {
        let mut grid = Grid::default()
            .text("", Narrow::Keep)
            .text("check", Narrow::Wrap)
            .number("passes", Narrow::Keep)
            .number("fails", Narrow::Keep)
            .number("passed %", Narrow::Keep);
        for row in &summary.checks {
            let total = row.passes + row.fails;
            let (mark, percent) = match (total, row.fails) {
                (0, _) => (colored("? never ran", Color::Yellow), "–".to_owned()),
                (_, 0) => (colored("✓ passed", Color::Green), share(1.0)),
                _ => (colored("✗ failed", Color::Red), share(row.passes as f64 / total as f64)),
            };
            let name = format!("{}: {}", row.step, row.name);
            grid.rows.push(vec![mark, name.into(), count(row.passes).into(), count(row.fails).into(), percent.into()]);
        }
        self.section("CHECKS", grid)
    }

    fn requests(&self, rows: &[RequestRow]) -> String {
        let scale = Scale::of(rows.iter().filter_map(|row| row.times), Some(" ms"));
        let grid = Grid::default()
            .text("name", Narrow::Shorten)
            .number("count", Narrow::Keep)
            .number("rate/s", Narrow::Drop(2))
            .number("failed %", Narrow::Keep);
        let mut grid = scale.columns(grid);
        let rate_digits = digits(rows.iter().map(|row| row.rate));
        for row in rows {
            let failed = match row.failed {
                Some(failed) if failed > 0.0 => colored(&share(failed), Color::Red),
                Some(failed) => share(failed).into(),
                None => "–".to_owned().into(),
            };
            let rate = format!("{:.rate_digits$}", row.rate);
            let mut fields = vec![row.name.clone().into(), count(row.count).into(), rate.into(), failed];
            fields.extend(scale.fields(row.times));
            grid.rows.push(fields);
        }
        self.section("REQUESTS", grid)
    }

    fn trends(&self, title: &str, what: &str, rows: &[TrendRow], unit: Option<&str>) -> String {
        let scale = Scale::of(rows.iter().filter_map(|row| row.times), unit);
        let grid = Grid::default().text(what, Narrow::Shorten).number("count", Narrow::Keep);
        let mut grid = scale.columns(grid);
        for row in rows {
            let mut fields = vec![row.name.clone().into(), count(row.count).into()];
            fields.extend(scale.fields(row.times));
            grid.rows.push(fields);
        }
        self.section(title, grid)
    }

    /// Below the iterations that ran.
    fn arrivals(&self, summary: &Summary) -> String {
        let Some(row) = summary.arrivals else { return String::new() };
        let (dropped, due) = (count(row.dropped), counted(row.due, "arrival"));
        let percent = share(row.dropped as f64 / row.due as f64);
        let delay = row.start_delay_p99.map(|delay| format!("; started {} ms late at p99", precise(delay)));
        self.wrapped(
            "  ",
            &format!("dropped iterations: {dropped} ({percent} % of {due}){}", delay.unwrap_or_default()),
        )
    }

    fn network(&self, summary: &Summary) -> String {
        let seconds = summary.duration.as_secs_f64().max(f64::MIN_POSITIVE);
        let mut grid =
            Grid::default().text("", Narrow::Keep).number("bytes", Narrow::Keep).number("per second", Narrow::Keep);
        for (what, number) in [("sent", summary.network.sent), ("received", summary.network.received)] {
            let number = number as f64;
            grid.rows.push(vec![what.to_owned().into(), bytes(number).into(), bytes(number / seconds).into()]);
        }
        self.section("NETWORK", grid)
    }

    fn problems(&self, summary: &Summary) -> String {
        let mut grid = Grid::default()
            .number("count", Narrow::Keep)
            .text("kind", Narrow::Keep)
            .text("where, and the first of them", Narrow::Wrap);
        for row in &summary.problems {
            let place = if row.place.is_empty() { String::new() } else { format!("{}: ", row.place) };
            let what = format!("{place}{}", row.example);
            grid.rows.push(vec![count(row.count).into(), row.kind.to_owned().into(), what.into()]);
        }
        let mut section = self.section("ERRORS", grid);
        if summary.unlisted_problems > 0 {
            section.push_str(&format!("  and {} more, of other kinds\n", count(summary.unlisted_problems)));
        }
        section
    }

    fn notes(&self, summary: &Summary) -> String {
        let lines: String = summary.notes.iter().map(|note| self.wrapped("  - ", note)).collect();
        if lines.is_empty() { lines } else { format!("{}\n{lines}", self.bold("NOTES")) }
    }

    /// The reasons, then one line that says it all.
    fn verdict(&self, summary: &Summary) -> String {
        let (word, color) = match summary.outcome {
            Outcome::Passed => ("passed", "32"),
            Outcome::Failed => ("FAILED", "31"),
            Outcome::Inconclusive => ("INCONCLUSIVE: the run cannot tell", "33"),
            Outcome::Interrupted => ("INTERRUPTED", "33"),
            Outcome::StoppedByPlan => ("STOPPED by the plan", "33"),
        };
        let mut text: String = summary.reasons.iter().map(|reason| self.wrapped("  - ", reason)).collect();
        let held = summary.thresholds.iter().filter(|row| row.state == State::Held).count();
        let total = counted(summary.thresholds.len() as u64, "threshold");
        let word = if self.color { format!("\u{1b}[1;{color}m{word}\u{1b}[0m") } else { word.to_owned() };
        text.push_str(&format!("verdict: {word} ({held} of {total} held), exit code {}\n", summary.exit_code));
        text
    }

    fn section(&self, title: &str, grid: Grid) -> String {
        match grid.rows.is_empty() {
            true => String::new(),
            false => format!("{}\n{}", self.bold(title), grid.render(self.width, self.color)),
        }
    }

    fn bold(&self, text: &str) -> String {
        if self.color { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Words over as many lines as they need; lines after the first are indented like it.
    fn wrapped(&self, lead: &str, text: &str) -> String {
        let (mut out, mut used) = (lead.to_owned(), lead.width());
        for (index, word) in text.split(' ').enumerate() {
            let gap = usize::from(index > 0);
            if index > 0 && used + gap + word.width() > self.width {
                out.push_str(&format!("\n{}", " ".repeat(lead.width())));
                used = lead.width();
            } else if index > 0 {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += word.width();
        }
        out + "\n"
    }
}

fn colored(text: &str, color: Color) -> Field {
    Field { text: text.to_owned(), color: Some(color) }
}

fn state(state: State) -> Field {
    match state {
        State::Held => colored("✓ held", Color::Green),
        State::Broken => colored("✗ BROKEN", Color::Red),
        State::NoData => colored("? no data", Color::Yellow),
        State::AllowedEmpty => colored("? no data, allowed", Color::DarkGrey),
    }
}

fn observed(value: f64, row: &ThresholdRow) -> String {
    match row.unit {
        Unit::Ms => format!("{} ms", precise(value)),
        Unit::Share => format!("{} %", precise(value * 100.0)),
        Unit::PerSecond => format!("{}/s", precise(value)),
        Unit::None => precise(value),
    }
}

/// One unit for all times of a table, and as many digits in each column as its values need.
struct Scale {
    unit: String,
    factor: f64,
    digits: [usize; 6],
}

const STATISTICS: [(&str, Narrow); 6] = [
    ("avg", Narrow::Drop(1)),
    ("p50", Narrow::Drop(3)),
    ("p90", Narrow::Drop(0)),
    ("p95", Narrow::Keep),
    ("p99", Narrow::Keep),
    ("max", Narrow::Keep),
];

impl Scale {
    /// `unit` is what the values come in, ` ms` or nothing. Where every row is of many seconds they are told in seconds.
    fn of(rows: impl Iterator<Item = Times> + Clone, unit: Option<&str>) -> Scale {
        let fastest = rows.clone().map(|times| times.p50).fold(f64::INFINITY, f64::min);
        let slow = unit.is_some() && fastest.is_finite() && fastest >= 10_000.0;
        let (unit, factor) = if slow { (" s", 0.001) } else { (unit.unwrap_or_default(), 1.0) };
        let digits =
            std::array::from_fn(|index| digits(rows.clone().map(move |times| statistics(&times)[index] * factor)));
        Scale { unit: unit.to_owned(), factor, digits }
    }

    fn columns(&self, grid: Grid) -> Grid {
        let add = |grid: Grid, (name, narrow): &(&str, Narrow)| grid.number(&format!("{name}{}", self.unit), *narrow);
        STATISTICS.iter().fold(grid, add)
    }

    fn fields(&self, times: Option<Times>) -> Vec<Field> {
        let Some(times) = times else { return vec!["–".to_owned().into(); STATISTICS.len()] };
        let text = |(value, digits): (f64, &usize)| format!("{:.*}", *digits, value * self.factor).into();
        statistics(&times).into_iter().zip(&self.digits).map(text).collect()
    }
}

fn statistics(times: &Times) -> [f64; 6] {
    [times.avg, times.p50, times.p90, times.p95, times.p99, times.max]
}

/// Digits after the point that a column needs: its smallest value must not read as nothing, and its largest must fit.
fn digits(values: impl Iterator<Item = f64>) -> usize {
    let (smallest, largest) = values.fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high)));
    let wanted = match smallest {
        small if small < 1.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    match largest {
        large if large >= 1_000_000.0 => 0,
        large if large >= 10_000.0 => wanted.min(1),
        _ => wanted,
    }
}
