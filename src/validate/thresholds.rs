//! Thresholds: that each says something which this plan can answer.

mod produced;

use crate::diagnostic::{Diagnostic, Diagnostics, closest};
use crate::judge::Threshold;
use crate::metrics::{Kind, Metric};
use crate::plan::{MetricThresholds, Plan, ThresholdEntry};
use crate::units::Duration;

use super::selector::Selector;
use super::{Overrides, ValidScenario, selector, statement};

use produced::Produced;

/// The thresholds, and whether they are the default ones.
pub(super) fn check(
    plan: &Plan,
    overrides: &Overrides,
    scenarios: &[ValidScenario],
    found: &mut Diagnostics,
) -> (Vec<Threshold>, bool) {
    let produced = Produced::of(plan, scenarios);
    let mut written: Vec<Threshold> =
        plan.thresholds.iter().flat_map(|written| check_metric(written, &produced, found)).collect();
    let wants_none = overrides.no_default_thresholds;
    if plan.thresholds.iter().any(|written| !written.thresholds.is_empty()) {
        if !wants_none && !plan.thresholds.iter().any(|written| is_of_arrivals(&written.metric.value)) {
            written.extend(defaults(&ARRIVED, &produced));
        }
        return (written, false);
    }
    match wants_none {
        true => (Vec::new(), false),
        false => (defaults(&[SUCCEEDED.as_slice(), &ARRIVED].concat(), &produced), true),
    }
}

fn is_of_arrivals(key: &str) -> bool {
    selector::parse(key).is_ok_and(|selector| Metric::named(selector.metric) == Some(Metric::DroppedIterations))
}

/// So that a run in which everything fails is never green.
const SUCCEEDED: [(Metric, &str); 2] = [(Metric::HttpReqFailed, "rate<0.01"), (Metric::Checks, "rate>0.99")];

/// So that a run whose load was not made is never green, whatever else the plan asks for.
const ARRIVED: [(Metric, &str); 1] = [(Metric::DroppedIterations, "rate<0.01")];

fn defaults(wanted: &[(Metric, &'static str)], produced: &Produced) -> Vec<Threshold> {
    wanted
        .iter()
        .copied()
        .filter(|(metric, _)| produced.has(*metric))
        .filter_map(|(metric, text)| {
            let name = metric.name()?;
            let statement = statement::parse(text, name, metric.kind()).ok()?;
            Some(Threshold {
                metric: name.to_owned(),
                selector: Vec::new(),
                statistic: statement.statistic,
                comparison: statement.comparison,
                limit: statement.limit,
                text: text.to_owned(),
                abort_on_fail: false,
                delay_abort_eval: Duration::ZERO,
                allow_empty: false,
                span: None,
            })
        })
        .collect()
}

fn check_metric(written: &MetricThresholds, produced: &Produced, found: &mut Diagnostics) -> Vec<Threshold> {
    let span = written.metric.span;
    let key = written.metric.value.as_str();
    let selector = match selector::parse(key) {
        Ok(selector) => selector,
        Err(why) => {
            found.push(Diagnostic::error("threshold-selector", format!("`{key}` {why}")).at(span));
            return Vec::new();
        }
    };
    let metric = match metric(selector.metric, produced) {
        Ok(metric) => metric,
        Err(diagnostic) => {
            if !produced.may_declare(selector.metric) {
                found.push(diagnostic.at(span));
            }
            return Vec::new();
        }
    };
    found.found.extend(produced.mistakes(metric, &selector).into_iter().map(|mistake| mistake.at(span)));
    let entries = written.thresholds.iter();
    entries.filter_map(|entry| check_entry(entry, &selector, metric.kind(), found)).collect()
}

fn metric(name: &str, produced: &Produced) -> Result<Metric, Box<Diagnostic>> {
    let known = Metric::named(name).or_else(|| produced.custom(name));
    if let Some(metric) = known {
        return match produced.why_not(metric) {
            None => Ok(metric),
            Some(why) => Err(unproducible(name, why)),
        };
    }
    let diagnostic = Diagnostic::error("unknown-metric", format!("threshold on unknown metric `{name}`"));
    let mut names: Vec<&str> = Metric::names().collect();
    names.extend(produced.custom_names());
    let help = match closest(name, names) {
        Some(close) => format!("did you mean `{close}`?"),
        None => "the reference lists the metrics; a group declares one with `metric: NAME`".to_owned(),
    };
    Err(diagnostic.help(help).into())
}

fn unproducible(name: &str, why: &str) -> Box<Diagnostic> {
    Diagnostic::error("unproducible-metric", format!("`{name}` gets no samples: {why}")).into()
}

fn check_entry(entry: &ThresholdEntry, selector: &Selector, kind: Kind, found: &mut Diagnostics) -> Option<Threshold> {
    let (text, span) = (entry.text.value.trim(), entry.text.span);
    let statement = match statement::parse(text, selector.metric, kind) {
        Ok(statement) => statement,
        Err(diagnostic) => {
            found.push(diagnostic.at(span));
            return None;
        }
    };
    if statement::always_holds(&statement, kind) {
        let message = format!("the threshold `{text}` always holds: no run can break it");
        found.push(Diagnostic::warning("threshold-always-holds", message).at(span));
    }
    if selector.metric == "http_req_failed" && statement::tolerates_nearly_all(&statement) {
        let message = format!("the threshold `{text}` breaks only at 100 % failures");
        let help = "did you mean `rate<1%`?";
        found.push(Diagnostic::warning("threshold-tolerates-all", message).at(span).help(help));
    }
    Some(Threshold {
        metric: selector.metric.to_owned(),
        selector: selector.tags.clone(),
        statistic: statement.statistic,
        comparison: statement.comparison,
        limit: statement.limit,
        text: text.to_owned(),
        abort_on_fail: entry.abort_on_fail,
        delay_abort_eval: entry.delay_abort_eval.as_ref().map_or(Duration::ZERO, |delay| delay.value),
        allow_empty: entry.allow_empty,
        span: Some(span),
    })
}
