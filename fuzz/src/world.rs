//! A user in the middle of an iteration, as expressions see it.

use std::borrow::Cow;
use std::cell::RefCell;

use proofload::expr::{Binding, Fact, Names, Response, ResponseField, Scope, SlotId, Value};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde_json::json;

/// The names of the slots, in their order; the last one is never set.
const SLOTS: [&str; 7] = ["user", "n", "x", "text", "list", "nothing", "unset"];

/// Fixed names, values and one response.
pub struct World {
    slots: [Option<Value>; SLOTS.len()],
    json: Value,
    random: RefCell<SmallRng>,
}

impl World {
    /// The same in each call, so that an input does the same in each run.
    pub fn new() -> World {
        let user = json!({"name": "Ada", "id": 7, "tags": ["a", "b"], "seat": null});
        let values = [user, json!(42), json!(1.5), json!("héllo"), json!([1, 2, 3]), json!(null)];
        let [user, n, x, text, list, nothing] = values.map(Some);
        let items = json!([{"id": 1, "ok": true}, {"id": 2, "ok": false}, {"id": 18446744073709551615_u64}]);
        World {
            slots: [user, n, x, text, list, nothing, None],
            json: json!({"data": {"status": "ACTIVE", "token": null}, "items": items, "empty": []}),
            random: RefCell::new(SmallRng::seed_from_u64(1)),
        }
    }

    /// The body of the response.
    pub fn document(&self) -> &Value {
        &self.json
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl Names for World {
    fn bind(&self, root: &str, field: Option<&str>) -> Option<Binding> {
        let field_of = |name| Some(Binding::Response(name));
        match (root, field) {
            ("env", Some("BASE_URL")) => Some(Binding::Constant(json!("http://localhost"))),
            ("vu", Some("id")) => Some(Binding::Fact(Fact::VuId)),
            ("vu", Some("iteration")) => Some(Binding::Fact(Fact::VuIteration)),
            ("status", None) => field_of(ResponseField::Status),
            ("body", None) => field_of(ResponseField::Body),
            ("json", None) => field_of(ResponseField::Json),
            ("headers", None) => field_of(ResponseField::Headers),
            ("cookies", None) => field_of(ResponseField::Cookies),
            ("timings", None) => field_of(ResponseField::Timings),
            ("url", None) => field_of(ResponseField::Url),
            ("error", None) => field_of(ResponseField::Error),
            ("error_code", None) => field_of(ResponseField::ErrorCode),
            (root, None) => {
                SLOTS.iter().position(|slot| *slot == root).map(|at| Binding::Slot(SlotId(at as u32)))
            }
            _ => None,
        }
    }
}

impl Scope for World {
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
        Some(self)
    }
    fn random(&self) -> &RefCell<SmallRng> {
        &self.random
    }
    fn wall(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

impl Response for World {
    fn status(&self) -> i64 {
        200
    }
    fn body(&self) -> Cow<'_, str> {
        Cow::Borrowed("<p>é</p>")
    }
    fn json(&self) -> Result<&Value, String> {
        Ok(&self.json)
    }
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        name.eq_ignore_ascii_case("etag").then_some(Cow::Borrowed("W/1"))
    }
    fn headers(&self) -> Vec<(String, String)> {
        vec![("etag".to_owned(), "W/1".to_owned())]
    }
    fn cookie(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "sid").then_some(Cow::Borrowed("s1"))
    }
    fn cookies(&self) -> Vec<(String, String)> {
        vec![("sid".to_owned(), "s1".to_owned())]
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
