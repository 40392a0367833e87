//! Templates, data, names and queries, as tables.

use super::*;

fn template(text: &str) -> Template {
    Template::parse(located(text)).unwrap_or_else(|found| panic!("{text}: {found:?}"))
}

#[test]
fn templates_render_text_or_say_why_not() {
    let check = |text: &str, expected: Result<&str, &str>| {
        let mut out = String::from(">");
        let rendered = TextProgram::compile(&template(text), &Plan).render(&vu(), &mut out);
        match expected {
            Ok(expected) => assert_eq!((rendered, out), (Ok(()), format!(">{expected}")), "{text}"),
            Err(part) => {
                let message = rendered.expect_err(text).message;
                assert!(message.contains(part), "{text}: {message}");
                assert_eq!(out, ">", "nothing is left of a failed template");
            }
        }
    };
    check("", Ok(""));
    check("plain", Ok("plain"));
    check("/users/${user.id}?x=${x}", Ok("/users/7?x=1.5"));
    check("${env.BASE_URL}/a", Ok("http://localhost/a"));
    check("${n}${text}${true}${3.0}", Ok("42héllotrue3.0"));
    check("${big}", Ok("18446744073709551615"));
    check("a $${n} $ {n} $", Ok("a ${n} $ {n} $"));
    check("$$${n}", Ok("$${n}"));
    check("${'}'}${\"}\"}${r'\\}'}", Ok("}}\\}"));
    check("${{'a': {'b': '}'}}.a.b}!", Ok("}!"));
    check("${json.?nope.orValue('none')}", Ok("none"));
    check("${json.?data.status}", Ok("ACTIVE"));
    check("${nothing == null ? '' : nothing}", Ok(""));
    check("{\"a\": {\"b\": {}}}", Ok("{\"a\": {\"b\": {}}}"));
    check("{{#each x}} {{ a b }}", Ok("{{#each x}} {{ a b }}"));
    check("a ${list}", Err("`list` is a list of 3: `json_encode(…)` makes text of it"));
    check("a ${user}", Err("`user` is an object (there are `name`"));
    check("a ${nothing}", Err("`nothing` is null"));
    check("a ${json.?nope}", Err("`json.?nope` is absent"));
    check("a ${1.0 / 0.0}", Err("not a finite number"));
    check("a ${unset}", Err("`unset` is not set yet"));
    check("a ${nowhere}", Err("`nowhere` does not exist"));
}

#[test]
fn what_never_varies_is_known_before_the_run() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(TextProgram::compile(&template(text), &Plan).constant(), expected, "{text}");
    };
    check("", Some(""));
    check("${env.BASE_URL}:${env.PORT + 1}/x", Some("http://localhost:8081/x"));
    check("${range(1, 4).map(i, string(i)).join('-')}", Some("1-2-3"));
    check("${n}", None);
    check("${uuid()}", None);
    check("${now()}", None);
    check("${1 / 0}", None);
    assert_eq!(compiled("range(1, 3)").constant(), Some(&json!([1, 2])));
    assert_eq!(compiled("range(1, 1000000)").constant(), None);
}

#[test]
fn conditions_are_booleans_and_errors_are_short() {
    assert_eq!(compiled(" status == 200 ").holds(&vu()), Ok(true));
    assert_eq!(compiled(" status == 200 ").text(), "status == 200");
    let message = compiled("json.data").holds(&vu()).unwrap_err().message;
    assert_eq!(
        message,
        "`json.data` is not a condition but an object (there are `status`, `order`, `token`): compare it with something, as in `x != null`"
    );
    let mut wide = vu();
    let long = "k".repeat(10_000);
    wide.slots[0] = Some((0..1000).map(|n| (format!("{long}{n}"), json!(1))).collect());
    wide.slots[3] = Some(json!(long));
    for text in ["user.nope", "text + 1", "user + 1", "text.x", "user == 1 || text"] {
        let message = compiled(text).evaluate(&wide).unwrap_err().message;
        assert!(message.len() < 1_000, "{text}: {} bytes", message.len());
    }
}

#[test]
fn data_keeps_types_and_writes_the_same_json() {
    let leaf = |text: &str| Data::Template(template(text));
    let object = |entries: Vec<(&str, Data)>| {
        Data::Object(entries.into_iter().map(|(key, data)| (key.to_owned(), data)).collect())
    };
    let check = |data: Data, expected: Result<&str, &str>| {
        let program = DataProgram::compile(&data, &Plan);
        let mut json = b">".to_vec();
        let written = program.write_json(&vu(), &mut json).map_err(|error| error.message);
        let value = program.evaluate(&vu()).map(|value| value.to_string()).map_err(|error| error.message);
        let json = String::from_utf8(json).unwrap();
        match expected {
            Ok(expected) => {
                assert_eq!((value, json, written), (Ok(expected.to_owned()), format!(">{expected}"), Ok(())))
            }
            Err(part) => {
                assert_eq!(json, ">");
                assert_eq!(value.as_ref().unwrap_err(), written.as_ref().unwrap_err());
                assert!(value.as_ref().unwrap_err().contains(part), "{value:?}");
            }
        }
    };
    check(Data::Literal(json!({"a": [1, "x", null]})), Ok(r#"{"a":[1,"x",null]}"#));
    check(leaf("${n}"), Ok("42"));
    check(leaf("${big}"), Ok("18446744073709551615"));
    check(leaf("n=${n}"), Ok(r#""n=42""#));
    check(leaf("${nothing}"), Ok("null"));
    check(leaf("${user.tags + ['é\"']}"), Ok(r#"["a","b","é\""]"#));
    check(leaf("${{'a': x, 'b': json.items[2]}}"), Ok(r#"{"a":1.5,"b":{"id":3}}"#));
    check(leaf("${headers}"), Ok(r#"{"content-type":"application/json"}"#));
    let nested = Data::List(vec![
        leaf("${env.PORT}"),
        leaf("${n}"),
        object(vec![("a\"", leaf("${text}")), ("b", Data::Literal(json!(1)))]),
    ]);
    check(nested, Ok(r#"[8080,42,{"a\"":"héllo","b":1}]"#));
    check(Data::List(vec![leaf("${n}"), leaf("${json.?nope}")]), Err("`json.?nope`: the value is absent"));
    check(object(vec![("a", leaf("${1.0 / 0.0}"))]), Err("not a finite number"));
    check(object(vec![("n", leaf("${n}")), ("b", leaf("x ${list}"))]), Err("`list` is a list of 3"));
    let constant = object(vec![("port", leaf("${env.PORT}")), ("url", leaf("${env.BASE_URL}/"))]);
    assert_eq!(
        DataProgram::compile(&constant, &Plan).constant(),
        Some(&json!({"port": 8080, "url": "http://localhost/"}))
    );
}

#[test]
fn a_variable_that_holds_itself_stops_growing() {
    let program = DataProgram::compile(&Data::Template(template("${[list]}")), &Plan);
    let mut vu = vu();
    let error = (0..1_000).find_map(|_| match program.evaluate(&vu) {
        Ok(value) => {
            vu.slots[4] = Some(value);
            None
        }
        Err(error) => Some(error.message),
    });
    assert_eq!(error.as_deref(), Some("`[list]`: a value nests deeper than 128 levels"));
}

#[test]
fn outside_names_are_listed_with_their_places() {
    let check = |text: &str, expected: &[(&str, Option<&str>, bool, &str)]| {
        let names = Expr::parse(located(text)).unwrap().names();
        let found: Vec<_> = names
            .iter()
            .map(|name| {
                let place = &text[name.span.start as usize - 100..name.span.end as usize - 100];
                (name.root.as_str(), name.field.as_deref(), name.guarded, place)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check("1 + 2", &[]);
    check("user_id > 1 && status == 200", &[("user_id", None, false, "user_id"), ("status", None, false, "status")]);
    check(
        "env.BASE_URL + env['X']",
        &[("env", Some("BASE_URL"), false, "env.BASE_URL"), ("env", Some("X"), false, "env")],
    );
    check("'é' + vu . id", &[("vu", Some("id"), false, "vu . id")]);
    check("seat.seatId", &[("seat", Some("seatId"), false, "seat")]);
    check("json.data.items[n].id", &[("json", Some("data"), false, "json"), ("n", None, false, "n")]);
    check(
        "has(vu.token) ? vu.token : ''",
        &[("vu", Some("token"), true, "vu.token"), ("vu", Some("token"), true, "vu.token")],
    );
    check("has(a.b.c)", &[("a", Some("b"), true, "a")]);
    check("a.?b.orValue(c)", &[("a", Some("b"), true, "a"), ("c", None, false, "c")]);
    check("vu.?token.orValue('')", &[("vu", Some("token"), true, "vu.?token")]);
    check(
        "list.filter(x, x.id == wanted).map(y, [x, y])",
        &[("list", None, false, "list"), ("wanted", None, false, "wanted"), ("x", None, false, "x")],
    );
    check("list.map(env, env.y)", &[("list", None, false, "list")]);
    let guards = |text: &str, expected: &[bool]| {
        let names = Expr::parse(located(text)).unwrap().names();
        assert_eq!(names.iter().map(|name| name.guarded).collect::<Vec<_>>(), expected, "{text}");
    };
    guards("has(x) ? x : y", &[true, true, false]);
    guards("!has(x) ? x : x.a", &[true, false, true]);
    guards("has(x) && x.a && y && x.b", &[true, true, false, true]);
    guards("x.a && has(x)", &[true, true]);
    guards("has(x) || x.a", &[true, false]);
    guards("!has(x) || !has(y) || x.a == y.b", &[true, true, true, true]);
    guards("(has(x) || has(y)) && x.a", &[true, true, false]);
    guards("(has(x) && n == 1 || has(x)) && x.a", &[true, false, true, true]);
    guards("has(x.a) ? x.b : x.b", &[true, true, false]);
    guards("vu.?t.hasValue() ? vu.t : vu.u", &[true, true, false]);
    guards("has(vu.t) ? vu.u : vu.t", &[true, false, false]);
    guards("x.orValue(x)", &[true, false]);
    guards("x.a.orValue(1)", &[false]);
    guards("vu.t.orValue(vu.t)", &[true, false]);
    guards("[?x, x] + [?x.?y]", &[true, false, true]);
    check(
        "size(a) + {'k': b}.k + [c][0] + (d ? -e : f)",
        &[
            ("a", None, false, "a"),
            ("b", None, false, "b"),
            ("c", None, false, "c"),
            ("d", None, false, "d"),
            ("e", None, false, "e"),
            ("f", None, false, "f"),
        ],
    );
    assert_eq!(template("a ${x} b ${env.Y}").names()[1].span, Span::new(111, 116));
}

#[test]
fn json_paths_find_values_in_document_order() {
    let root = json!({
        "data": {"token": "t", "seats": [{"id": 1, "free": true}, {"id": 2}, {"id": 3, "free": true}]},
        "a b": {"x.y": 5}, "ключ": 6, "n": null, "deep": {"id": 9},
    });
    let check = |text: &str, expected: Value| {
        let path = JsonPath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(json!(path.find(&root)), expected, "{text}");
        assert_eq!(path.text(), text);
    };
    check("$", json!([root]));
    check("$.data.token", json!(["t"]));
    check("$['data'][\"token\"]", json!(["t"]));
    check("$.data.seats[0].id", json!([1]));
    check("$.data.seats[-1].id", json!([3]));
    check("$.data.seats[-4].id", json!([]));
    check("$.data.seats[3]", json!([]));
    check("$.data.seats[*].id", json!([1, 2, 3]));
    check("$.data.seats[*].free", json!([true, true]));
    check("$.data.seats.*.id", json!([1, 2, 3]));
    check("$.deep.*", json!([9]));
    check("$['a b']['x.y']", json!([5]));
    check("$.ключ", json!([6]));
    check("$.n", json!([null]));
    check("$.nope.id", json!([]));
    check("$.data.token.x", json!([]));
    check("$.data[0]", json!([]));
    check("$.data.seats[?@.free == true].id", json!([1, 3]));
    check("$.data.seats[1:].id", json!([2, 3]));
    check("$.data.seats[0, 2].id", json!([1, 3]));
    check("$..id", json!([1, 2, 3, 9]));
    let refuse = |text: &str, part: &str| {
        let error = JsonPath::parse(text).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    };
    refuse("data.token", "begins with `$`, as in `$.data.token`");
    refuse("", "begins with `$`");
    refuse("$.", "not valid");
    refuse("$.data[", "not valid");
    refuse("$.a-b", "not valid at character 4");
    refuse("$[01]", "not valid");
    refuse("$.1a", "not valid");
    refuse(&format!("${}", "[".repeat(2_000)), "not valid");
    refuse(&format!("${}", "[?(".repeat(600)), "not valid");
    refuse(&format!("${}", ".a".repeat(2_000)), "at most 2048 bytes");
    // Short, and without an end.
    refuse(&format!("$[?{}", "length(".repeat(40)), "at most 6 calls");
    refuse("$..a..b..*", "at most 2 times `..`");
    refuse(&format!("${}", format!("[*{}]", ",*".repeat(15)).repeat(3)), "at most 256 combinations, not 4096");
    check("$['((((((((..,..,..,'][?match(@, '(((((((,')]", json!([]));
}

#[test]
fn the_deepest_query_that_is_allowed_does_not_overflow_the_stack() {
    let query = |depth: usize| format!("$[?{}@.a{}]", "(".repeat(depth), ")".repeat(depth));
    assert!(JsonPath::parse(&query(120)).is_ok_and(|path| path.find(&json!([{"a": 1}])).len() == 1));
    assert!(JsonPath::parse(&query(900)).is_err());
    let deep = (0..126).fold(json!({"id": 1}), |inner, _| json!([inner]));
    assert_eq!(JsonPath::parse("$..id").unwrap().find(&deep), [&json!(1)]);
}

#[test]
fn compiled_forms_are_shared_by_threads() {
    fn shared<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    shared::<(Expr, Template, Data, Program, TextProgram, DataProgram, JsonPath)>();
}

#[test]
fn random_values_repeat_with_their_seed() {
    let program = compiled(
        "[random_int(1, 1000000), random_string(8), uuid(), fake('name'), pick(range(0, 99)), random_float(0, 1)]",
    );
    let draw = |vu: &Vu| program.evaluate(vu).unwrap().to_value().unwrap();
    let first = vu();
    let (one, two) = (draw(&first), draw(&first));
    assert_eq!(one, draw(&vu()));
    assert_ne!(one, two);
}

#[test]
fn every_kind_of_made_up_data_exists() {
    for kind in [
        "name",
        "email",
        "phone",
        "word",
        "sentence",
        "paragraph",
        "city",
        "country",
        "street",
        "company",
        "url",
        "username",
    ] {
        let Ok(Value::String(text)) = evaluated(&format!("fake('{kind}')"), &vu()) else { panic!("{kind}") };
        assert!(!text.is_empty(), "{kind}");
    }
}
