//! What one check, one template and one body cost on the hot path.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use proofload::expr::{
    Binding, Data, DataProgram, Expr, Fact, JsonPath, Located, Names, Program, Response, ResponseField, Scope, SlotId,
    Template, TextProgram, Value,
};
use proofload::source::Span;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde_json::json;

struct World {
    slots: [Value; 2],
    json: Value,
    random: RefCell<SmallRng>,
}

impl Names for World {
    fn bind(&self, root: &str, _: Option<&str>) -> Option<Binding> {
        Some(match root {
            "status" => Binding::Response(ResponseField::Status),
            "json" => Binding::Response(ResponseField::Json),
            "env" => Binding::Constant(json!("http://localhost:8080")),
            "user_id" => Binding::Slot(SlotId(0)),
            "token" => Binding::Slot(SlotId(1)),
            _ => return None,
        })
    }
}

impl Scope for World {
    fn slot(&self, slot: SlotId) -> Option<&Value> {
        self.slots.get(slot.0 as usize)
    }
    fn slot_name(&self, _: SlotId) -> &str {
        "slot"
    }
    fn fact(&self, _: Fact) -> i64 {
        1
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
        Cow::Borrowed("")
    }
    fn json(&self) -> Result<&Value, String> {
        Ok(&self.json)
    }
    fn header(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
    fn headers(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn cookie(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
    fn cookies(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn timing(&self, _: &str) -> Option<f64> {
        Some(12.5)
    }
    fn url(&self) -> &str {
        ""
    }
    fn error(&self) -> &str {
        ""
    }
    fn error_code(&self) -> i64 {
        0
    }
    fn proto(&self) -> &str {
        ""
    }
    fn remote_ip(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
}

fn located(text: &str) -> Located<'_> {
    Located { text, span: Span::default(), exact: false }
}

fn template(text: &str) -> Template {
    Template::parse(located(text)).expect("a template")
}

fn benchmarks(criterion: &mut Criterion) {
    let seats: Vec<Value> = (0..50).map(|id| json!({"seatId": id, "row": "A", "free": id % 2 == 0})).collect();
    let world = World {
        slots: [json!(4711), json!("eyJhbGciOiJIUzI1NiJ9.e30.abc")],
        json: json!({"data": {"token": "abc", "status": "ACTIVE", "seats": seats}}),
        random: RefCell::new(SmallRng::seed_from_u64(1)),
    };
    let check = "status == 200 && json.data.token != \"\"";
    criterion.bench_function("parse a check", |bencher| bencher.iter(|| Expr::parse(located(black_box(check)))));

    let program = Program::compile(&Expr::parse(located(check)).expect("an expression"), &world);
    criterion.bench_function("evaluate a check", |bencher| bencher.iter(|| black_box(&program).holds(&world)));

    let url = TextProgram::compile(&template("${env.BASE_URL}/users/${user_id}?token=${token}"), &world);
    let mut text = String::with_capacity(256);
    criterion.bench_function("render a template of two values", |bencher| {
        bencher.iter(|| {
            text.clear();
            black_box(&url).render(&world, &mut text)
        });
    });

    let leaf = |text: &str| Data::Template(template(text));
    let entries =
        [("userId", leaf("${user_id}")), ("amount", leaf("${random_int(1, 1000)}")), ("note", leaf("for ${user_id}"))];
    let body = Data::Object(entries.into_iter().map(|(key, data)| (key.to_owned(), data)).collect());
    let body = DataProgram::compile(&body, &world);
    let mut bytes = Vec::with_capacity(256);
    criterion.bench_function("write a JSON body of three values", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            black_box(&body).write_json(&world, &mut bytes)
        });
    });

    for text in ["$.data.token", "$.data.seats[*].seatId", "$.data.seats[?@.free == true].seatId"] {
        let path = JsonPath::parse(text).expect("a path");
        criterion.bench_function(&format!("find {text}"), |bencher| {
            bencher.iter(|| black_box(&path).find(&world.json).len())
        });
    }
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
