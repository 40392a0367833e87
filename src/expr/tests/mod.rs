//! One VU and one plan's names, for tests of all of `expr`.

mod mistakes;
mod programs;
mod values;

use std::borrow::Cow;
use std::cell::RefCell;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde_json::json;

use super::*;

/// `json`, `status`, … are of one response; `user`, `n`, … are slots; `unset` is a slot without a value.
struct Plan;

const SLOTS: [&str; 9] = ["user", "n", "x", "text", "list", "nothing", "big", "unset", "vu.token"];

impl Names for Plan {
    fn bind(&self, root: &str, field: Option<&str>) -> Option<Binding> {
        let slot = |name: &str| SLOTS.iter().position(|slot| *slot == name).map(|at| Binding::Slot(SlotId(at as u32)));
        match (root, field) {
            ("env", Some("BASE_URL")) => Some(Binding::Constant(json!("http://localhost"))),
            ("env", Some("PORT")) => Some(Binding::Constant(json!(8080))),
            ("config", None) => Some(Binding::Constant(json!({"a": {"b": [1, 2]}}))),
            ("vu", Some("id")) => Some(Binding::Fact(Fact::VuId)),
            ("vu", Some(field)) => slot(&format!("vu.{field}")),
            ("status", None) => Some(Binding::Response(ResponseField::Status)),
            ("body", None) => Some(Binding::Response(ResponseField::Body)),
            ("json", None) => Some(Binding::Response(ResponseField::Json)),
            ("headers", None) => Some(Binding::Response(ResponseField::Headers)),
            ("cookies", None) => Some(Binding::Response(ResponseField::Cookies)),
            ("timings", None) => Some(Binding::Response(ResponseField::Timings)),
            ("error_code", None) => Some(Binding::Response(ResponseField::ErrorCode)),
            (root, None) => slot(root),
            _ => None,
        }
    }
}

pub(super) struct Vu {
    slots: Vec<Option<Value>>,
    answer: Option<Answer>,
    random: RefCell<SmallRng>,
}

pub(super) fn vu() -> Vu {
    let values = [
        json!({"name": "Ada", "id": 7, "tags": ["a", "b"], "seat": null}),
        json!(42),
        json!(1.5),
        json!("héllo"),
        json!([1, 2, 3]),
        json!(null),
        json!(18446744073709551615_u64),
    ];
    let slots = values.into_iter().map(Some).chain([None, None]).collect();
    Vu { slots, answer: Some(Answer::new()), random: RefCell::new(SmallRng::seed_from_u64(1)) }
}

impl Scope for Vu {
    fn slot(&self, slot: SlotId) -> Option<&Value> {
        self.slots[slot.0 as usize].as_ref()
    }
    fn slot_name(&self, slot: SlotId) -> &str {
        SLOTS[slot.0 as usize]
    }
    fn fact(&self, _: Fact) -> i64 {
        3
    }
    fn response(&self) -> Option<&dyn Response> {
        self.answer.as_ref().map(|answer| answer as &dyn Response)
    }
    fn random(&self) -> &RefCell<SmallRng> {
        &self.random
    }
    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(1_700_000_000_123).unwrap()
    }
}

struct Answer {
    json: Result<Value, String>,
}

impl Answer {
    fn new() -> Answer {
        let items = json!([{"id": 1, "ok": true}, {"id": 2, "ok": false}, {"id": 3}]);
        Answer {
            json: Ok(json!({"data": {"status": "ACTIVE", "order": 0, "token": null}, "items": items, "empty": []})),
        }
    }
}

impl Response for Answer {
    fn status(&self) -> i64 {
        200
    }
    fn body(&self) -> Cow<'_, str> {
        Cow::Borrowed("{…}")
    }
    fn json(&self) -> Result<&Value, String> {
        self.json.as_ref().map_err(String::clone)
    }
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        name.eq_ignore_ascii_case("content-type").then_some(Cow::Borrowed("application/json"))
    }
    fn headers(&self) -> Vec<(String, String)> {
        vec![("content-type".into(), "application/json".into())]
    }
    fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "sid").then_some(Cow::Borrowed("s1"))
    }
    fn cookies(&self) -> Vec<(String, String)> {
        vec![("sid".into(), "s1".into())]
    }
    fn timing(&self, name: &str) -> Option<f64> {
        (name == "duration").then_some(12.5)
    }
    fn url(&self) -> &str {
        "http://localhost/"
    }
    fn error(&self) -> &str {
        ""
    }
    fn error_code(&self) -> i64 {
        0
    }
    fn proto(&self) -> &str {
        "HTTP/1.1"
    }
    fn remote_ip(&self) -> Cow<'_, str> {
        Cow::Borrowed("127.0.0.1")
    }
}

/// The plan text is 100 bytes in front of every scalar.
fn located(text: &str) -> Located<'_> {
    Located { text, span: Span::new(100, 100 + text.len()), exact: true }
}

fn compiled(text: &str) -> Program {
    match Expr::parse(located(text)) {
        Ok(expr) => Program::compile(&expr, &Plan),
        Err(found) => panic!("{text}: {found:?}"),
    }
}

pub(super) fn evaluated(text: &str, vu: &Vu) -> Result<Value, String> {
    compiled(text).evaluate(vu).and_then(|value| value.to_value()).map_err(|error| error.message)
}
