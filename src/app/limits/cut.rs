//! How many VUs arrival rates may have by default: what their rate wants, or less where the machine allows no more.

use super::{Needs, Room, Shortage, shortages};
use crate::graph::{Graph, Scenario};
use crate::load::MaxVus;

/// Cuts defaults to what this machine allows, so that none of them makes a plan impossible that may need fewer VUs. What the plan
/// itself says stays.
pub(in crate::app) fn fit(graph: &mut Graph, threads: usize) {
    fit_into(graph, threads, &Room::find());
}

fn fit_into(graph: &mut Graph, threads: usize, room: &Room) {
    let defaults = graph.scenarios.iter().filter_map(max_vus).filter(|most| !matches!(most, MaxVus::Given(_)));
    let Some(highest) = defaults.map(MaxVus::wanted).max() else { return };
    let mut short = |limit: u64| {
        graph.scenarios.iter_mut().for_each(|scenario| scenario.executor.cut_default_vus(limit));
        shortages(&Needs::of(graph, threads), room).len()
    };
    // What even one VU of each cannot help is no matter of these.
    let without = short(1);
    let (mut fits, mut too_many) = (1, highest + 1);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        match short(middle) > without {
            true => too_many = middle,
            false => fits = middle,
        }
    }
    short(fits);
}

fn max_vus(scenario: &Scenario) -> Option<MaxVus> {
    scenario.executor.open().map(|open| open.max_vus)
}

/// Cuts below what a target needs that takes a second to answer.
pub(super) fn told(graph: &Graph) -> impl Iterator<Item = Shortage> + '_ {
    graph.scenarios.iter().filter_map(|scenario| {
        let (arrivals, open) = scenario.executor.arrivals()?;
        let MaxVus::Cut { vus, .. } = open.max_vus else { return None };
        let in_a_second = arrivals.peak().ceil() as u64;
        let text = format!(
            "this machine allows {vus} VUs for `{}`, of which up to {in_a_second} iterations start in a second: where they take \
             longer, some are dropped\n  help: raise the limit first (`ulimit -n`), or write what is enough: `max_vus: {vus}`",
            scenario.name
        );
        (vus < in_a_second).then_some(Shortage { is_certain: false, text })
    })
}

/// For the summary: scenarios that could not have as many VUs as their rate has by default.
pub(in crate::app) fn notes(graph: &Graph) -> impl Iterator<Item = String> + '_ {
    graph.scenarios.iter().filter_map(|scenario| {
        let MaxVus::Cut { vus, wanted } = max_vus(scenario)? else { return None };
        let name = &scenario.name;
        Some(format!("`{name}` had {vus} VUs at most, as this machine allows; for its rate there would be {wanted}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Format, Source};

    /// What becomes of the plan's scenarios where so many files may be open, and what is told.
    fn cut(plan: &str, descriptors: u64) -> (Vec<u64>, usize, usize) {
        let source = Source::new("plan.yaml", Format::Yaml, plan);
        let parsed = crate::plan::parse(&source);
        let (valid, _) = crate::validate::check(&parsed, &source, &Default::default(), &|_| None)
            .unwrap_or_else(|found| panic!("{}", crate::diagnostic::render(&found, &source, false)));
        let mut graph = crate::graph::compile(&valid);
        let room = Room { descriptors: Some(descriptors), ..Room::default() };
        fit_into(&mut graph, 2, &room);
        let vus: Vec<u64> = graph.scenarios.iter().map(|scenario| scenario.executor.peak_vus()).collect();
        let are_cut = graph.scenarios.iter().filter(|it| it.executor.peak_vus() < it.executor.vu_numbers()).count();
        assert_eq!(notes(&graph).count(), are_cut);
        (vus, told(&graph).count(), shortages(&Needs::of(&graph, 2), &room).len())
    }

    #[test]
    fn a_default_fits_where_it_can_and_is_told_where_it_is_little() {
        let plan = |load: &str| format!("{{ {load}, duration: 1s, steps: [{{ get: 'http://a/x' }}] }}");
        // 80 are the process's own.
        assert_eq!(cut(&plan("rate: 100"), 1080), (vec![1000], 0, 0));
        assert_eq!(cut(&plan("rate: 100"), 1079), (vec![999], 0, 0));
        assert_eq!(cut(&plan("rate: 100"), 180), (vec![100], 0, 0));
        assert_eq!(cut(&plan("rate: 100"), 179), (vec![99], 1, 0));
        assert_eq!(cut(&plan("rate: 100"), 10), (vec![1000], 0, 1), "fewer VUs would not help");
        assert_eq!(cut(&plan("rate: 100, max_vus: 500"), 180), (vec![500], 0, 1), "a word of the plan stays");
        assert_eq!(cut(&plan("vus: 500"), 180), (vec![500], 0, 1));
    }

    #[test]
    fn scenarios_give_way_to_what_others_surely_need() {
        let plan = |vus: u64| {
            format!(
                "scenarios: {{ few: {{ rate: 1, duration: 1s, steps: [{{ get: 'http://a/x' }}] }}, \
                 many: {{ rate: 50, duration: 1s, steps: [{{ get: 'http://a/x' }}] }}, \
                 fixed: {{ vus: {vus}, duration: 1s, steps: [{{ get: 'http://a/x' }}] }} }}"
            )
        };
        assert_eq!(cut(&plan(200), 1080), (vec![100, 500, 200], 0, 0));
        assert_eq!(cut(&plan(200), 580), (vec![100, 200, 200], 0, 0), "the larger default is cut first");
        assert_eq!(cut(&plan(900), 580), (vec![100, 500, 900], 0, 1), "nothing helps a plan that does not fit anyway");
    }
}
