//! The metrics page: Prometheus text with the names that Spring Boot Actuator gives.

use std::fmt::Write;

use super::counter::{BOUNDS, Total};
use super::process;
use super::shop::Shop;

pub fn render(shop: &Shop) -> String {
    let mut page = String::with_capacity(4096);
    if let Some(share) = shop.cpu.share() {
        let what = "CPU time of the target's process, as a share of all cores, since the last scrape";
        gauge(&mut page, "system_cpu_usage", what, share);
        gauge(&mut page, "process_cpu_usage", what, share);
    }
    if let Some(files) = process::open_files() {
        gauge(&mut page, "process_files_open_files", "Open file descriptors", files as f64);
    }
    let name = "http_server_requests_seconds";
    line(&mut page, format_args!("# HELP {name} Time from the head of a request to its answer"));
    line(&mut page, format_args!("# TYPE {name} histogram"));
    for ((method, uri, status), total) in shop.counters.totals() {
        let outcome = outcome(status);
        let labels = format!("method=\"{method}\",uri=\"{uri}\",status=\"{status}\",outcome=\"{outcome}\"");
        histogram(&mut page, name, &labels, &total);
    }
    page
}

fn gauge(page: &mut String, name: &str, help: &str, value: f64) {
    line(page, format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"));
}

fn histogram(page: &mut String, name: &str, labels: &str, total: &Total) {
    let mut within = 0;
    for (bound, count) in BOUNDS.iter().zip(total.buckets) {
        within += count;
        line(page, format_args!("{name}_bucket{{{labels},le=\"{}\"}} {within}", *bound as f64 / 1000.0));
    }
    line(page, format_args!("{name}_bucket{{{labels},le=\"+Inf\"}} {}", total.count));
    line(page, format_args!("{name}_count{{{labels}}} {}", total.count));
    line(page, format_args!("{name}_sum{{{labels}}} {}", total.sum.as_secs_f64()));
}

fn line(page: &mut String, text: std::fmt::Arguments) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{text}");
}

fn outcome(status: u16) -> &'static str {
    match status {
        200..=299 => "SUCCESS",
        400..=499 => "CLIENT_ERROR",
        500..=599 => "SERVER_ERROR",
        _ => "UNKNOWN",
    }
}
