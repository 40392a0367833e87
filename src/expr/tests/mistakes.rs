//! What is refused when a plan is read, where the caret stands, and which fix is offered.

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Diagnostic;

fn marked(text: &str, found: &Diagnostic) -> String {
    let span = found.span.expect("a place");
    text[span.start as usize - 100..span.end as usize - 100].to_owned()
}

/// Each mistake as its code, the marked text, and a part of message or help.
fn check(text: &str, expected: &[(&str, &str, &str)]) {
    let found = Expr::parse(located(text)).expect_err(text);
    check_found(text, &found, expected);
}

fn check_found(text: &str, found: &[Diagnostic], expected: &[(&str, &str, &str)]) {
    assert_eq!(found.len(), expected.len(), "{text}: {found:#?}");
    for (found, (code, place, words)) in found.iter().zip(expected) {
        assert_eq!((found.code, marked(text, found).as_str()), (*code, *place), "{text}: {found:#?}");
        let said = format!("{}\n{}", found.message, found.help.join("\n"));
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn habits_of_other_languages_are_named_with_their_fix() {
    check("a and b", &[("word-operator", "and", "write `&&`")]);
    check("a or not b", &[("word-operator", "or", "write `||`"), ("word-operator", "not", "write `!`")]);
    check("a not in b", &[("word-operator", "not", "write `!(x in list)`")]);
    check("a === 1 && b !== 2", &[("strict-equality", "===", "write `==`"), ("strict-equality", "!==", "write `!=`")]);
    check("status = 200", &[("single-equals", "=", "write `==`")]);
    check("a & b | c", &[("single-operator", "&", "write `&&`"), ("single-operator", "|", "write `||`")]);
    check(
        "${status == 200}",
        &[("template-in-expression", "${status == 200}", "remove `${` and `}`: `status == 200`")],
    );
    check("${a} == 1", &[("template-in-expression", "${", "remove `${` and `}`")]);
    check(
        "{{ token }}",
        &[("double-braces", "{{ token }}", "write `token` in an expression field and `${token}` in a template")],
    );
    check("r.status == 200", &[("k6-habit", "r.status", "write `status`")]);
    check("res.timings.duration < 5", &[("k6-habit", "res.timings", "write `timings`")]);
    check(
        "response.json().data.token != ''",
        &[("k6-habit", "response.json", "write `json` instead of `response.json()`")],
    );
    check("r.json('data.token') != null", &[("k6-habit", "r.json", "write `json`")]);
    check("res.status_code == 200", &[("k6-habit", "res.status_code", "write `status`")]);
    check("json.a != undefined", &[("other-null", "undefined", "write `null`")]);
    check("json.a == None || json.a == nil", &[("other-null", "None", "`null`"), ("other-null", "nil", "`null`")]);
    check("json.ok == True", &[("other-boolean", "True", "write `true`")]);
    check("json.ok == FALSE", &[("other-boolean", "FALSE", "write `false`")]);
    check("json.a == “x”", &[("smart-quote", "“", "write `'`"), ("smart-quote", "”", "write `'`")]);
    check("list.map(x => x.id)", &[("arrow-function", "=>", "write `list.map(x, x.id)`")]);
    check("json?.data", &[("other-optional", "?.", "`json.?key`")]);
    check("json.a ?? 1", &[("other-optional", "??", "orValue")]);
    check("json.`a-b`", &[("backtick", "`", "`x['a-field']`"), ("backtick", "`", "`'text'`")]);
    check("`x`", &[("backtick", "`", "write `'text'`"), ("backtick", "`", "write `'text'`")]);
    check(
        "headers.content-type == 'x'",
        &[("header-name", "headers.content-type", "write `headers[\"content-type\"]`")],
    );
    check("json.in == 1", &[("reserved-word", "in", "write `[\"in\"]`")]);
}

#[test]
fn phrases_of_other_languages_are_written_anew() {
    let syntax = |text: &str, place: &str, words: &str| check(text, &[("expression-syntax", place, words)]);
    syntax("a <> b", "<>", "write `!=`");
    syntax("json.name =~ '^a'", "=~", "write `json.name.matches('pattern')`");
    syntax("status in 200..299", "..", "write `status >= 200 && status <= 299`");
    syntax("range(1..9)", "..", "write `x >= 1 && x <= 9`");
    syntax("json.n in (1, 2)", "in (1, 2)", "write `json.n in [1, 2]`");
    syntax("status >= 200 && < 300", "&& <", "status >= 200 && status < …");
    syntax("status == 4xx", "4xx", "write `status >= 400 && status <= 499`");
    syntax("$.data.token == 'x'", "$.", "write `json.x` for `$.x`");
    check("!json.a contains 'x'", &[("word-operator", "contains", "call it: `json.a.contains('x')`")]);
    check("body includes \"x\"", &[("word-operator", "includes", "call it: `body.contains(\"x\")`")]);
    check(
        "{{ a }} == {{ b }}",
        &[("double-braces", "{{", "without braces"), ("double-braces", "{{", "without braces")],
    );
    check("r => r.ok", &[("arrow-function", "=>", "write the condition alone")]);
    check("(r) => r.ok", &[("arrow-function", "=>", "write the condition alone")]);
    check("all(list, (x) => x.ok)", &[("arrow-function", "=>", "write `list.map(x, x.id)`")]);
    check("response.ok", &[("k6-habit", "response.ok", "write `status < 400`")]);
}

#[test]
fn words_that_only_look_like_habits_are_left_alone() {
    let fine = [
        "json.contains == 'x' && json.matches != 'y'",
        "contains == 'x'",
        "json.a in (json.b)",
        "json.a in (json.b.map(x, [x, 1]))",
        "a < -1 || .5 > b",
        "{'a': {'b': {'c': 1}}}.a.b.c == 1",
        "json.?a.or(json.?b).hasValue()",
        "json.and == json.or",
        "json['x=y'] == 'a and b === ${c} {{ d }}'",
        "json.items.exists(r, r.status == 1)",
        "{'a': {'b': 1}}.a.b == 1",
        "r.total == 1 && response == 'x'",
        "a ? .5 : 1.0 // a comment, and = no code",
        "headers.a - 1",
        "a - b.c-d",
        "json.package == 1",
    ];
    for text in fine {
        assert!(Expr::parse(located(text)).is_ok(), "{text}: {:?}", Expr::parse(located(text)));
    }
}

#[test]
fn syntax_errors_have_a_place_and_plain_words() {
    let syntax = |text: &str, place: &str, words: &str| check(text, &[("expression-syntax", place, words)]);
    syntax("", "", "an expression is missing");
    syntax("  // nothing", "  // nothing", "an expression is missing");
    syntax("json.data.token?", "?", "ends too early");
    syntax("status ==", "=", "ends too early");
    syntax("(status == 200", "0", "`(` is not closed");
    syntax("status == 200)", ")", "`)` is not expected here");
    syntax("a b", "b", "`b` is not expected here");
    syntax("é == 'é' b", "é", "`é` has no meaning in an expression");
    syntax("'é' + 'ü' b", "b", "`b` is not expected here");
    syntax("1 +\n 'é' +* 2", "*", "`*` is not expected here");
    syntax("'open", "'open", "add a closing `'`");
    syntax("\"it's", "\"it's", "add a closing `\"`");
    syntax("user@id", "@", "`@` has no meaning");
    syntax("$user", "$", "without `$`");
    syntax("99999999999999999999", "99999999999999999999", "does not fit 64 bits");
    syntax("18446744073709551615u", "18446744073709551615u", "write `18446744073709551615`, without `u`");
    syntax("1 - 2u", "2u", "unsigned integers do not exist here");
    syntax("'\\d+'", "'\\d+'", "`\\d` is not an escape");
    syntax("'\\ud800'", "'\\ud800'", "an escape that does not exist");
    syntax("if == 1", "if", "`if` is a reserved word");
    syntax("b'raw'", "b'raw'", "raw bytes");
    syntax("User{name: 1}", "{", "write `{'key': value}`");
    syntax("{1: 2}", "1", "the keys of an object are text");
    syntax(".a", "a", "a name cannot begin with a dot");
    syntax("has([x])", "[", "`has` takes a name or a field");
    syntax("has(true)", "has", "`has` takes a name that a step sets");
    syntax("list.all(x, has(x))", "has", "`has` takes a name that a step sets");
    syntax("list.map(x.y, 1)", ".", "the first argument names the element");
}

#[test]
fn functions_are_known_when_the_plan_is_read() {
    check("randm_int(1, 2)", &[("unknown-function", "randm_int", "did you mean `random_int`?")]);
    check("text.startswith('a')", &[("unknown-function", "startswith", "did you mean `startsWith`?")]);
    check(
        "len(list) > 0 && text.lower() == ''",
        &[("unknown-function", "len", "`size(x)`"), ("unknown-function", "lower", "`x.lowerAscii()`")],
    );
    check("contains(text, 'a')", &[("unknown-function", "contains", "write `x.contains(part)`")]);
    check("text.json_encode()", &[("unknown-function", "json_encode", "write `json_encode(x)`")]);
    check("JSON.stringify(json)", &[("unknown-function", "stringify", "write `json_encode(x)`")]);
    check("qqqqq()", &[("unknown-function", "qqqqq", "unknown function `qqqqq`")]);
    check("random_int(1)", &[("wrong-arguments", "random_int", "write `random_int(from, to)`")]);
    check("text.contains()", &[("wrong-arguments", "contains", "`contains` does not take 0 arguments")]);
    check("list.map(x)", &[("wrong-arguments", "map", "write `list.map(x, x.id)`")]);
    check("fake('emial')", &[("wrong-arguments", "fake", "did you mean `fake(\"email\")`?")]);
    check("text.matches('(')", &[("invalid-regex", "matches", "unclosed group")]);
    check("jwt_sign({}, 'k', 'HS1')", &[("wrong-arguments", "jwt_sign", "`jwt_sign` has no algorithm `HS1`")]);
}

#[test]
fn all_mistakes_of_a_template_are_found_at_once() {
    let check = |text: &str, expected: &[(&str, &str, &str)]| {
        let found = Template::parse(located(text)).expect_err(text);
        check_found(text, &found, expected);
    };
    check(
        "a ${x and y} {{ z }} ${nope()}",
        &[
            ("word-operator", "and", "`&&`"),
            ("double-braces", "{{ z }}", "write `${z}`"),
            ("unknown-function", "nope", "unknown function"),
        ],
    );
    check("/users/${id", &[("template-syntax", "${id", "`$${`")]);
    check("${'a}'", &[("template-syntax", "${'a}'", "not closed")]);
    check("${ }", &[("expression-syntax", " ", "missing")]);
    check("${{ github.ref }}", &[("double-braces", "{ github.ref }", "`${github.ref}`")]);
    check("${${x}}", &[("template-in-expression", "${x}", "`x`")]);
    check("{{$uuid}}", &[("double-braces", "{{$uuid}}", "write `${uuid}`")]);
}

#[test]
fn where_offsets_do_not_carry_over_the_whole_scalar_is_marked() {
    let span = Span::new(7, 20);
    let found = Expr::parse(Located { text: "a and b", span, exact: false }).unwrap_err();
    assert_eq!(found[0].span, Some(span));
    let expr = Expr::parse(Located { text: "env.A", span, exact: false }).unwrap();
    assert_eq!(expr.names()[0].span, span);
}

#[test]
fn huge_and_deep_expressions_are_refused_before_they_are_parsed() {
    let refused = |text: String| {
        let found = Expr::parse(located(&text)).expect_err("refused");
        assert_eq!(found[0].code, "expression-limit", "{}", found[0].message);
    };
    for open in ["(", "[", "{'a':", "size(", "!(", "-(", "x[", "x.map(x,", "true ? (", "has("] {
        refused(open.repeat(10_000 / open.len()));
        refused(open.repeat(8_000 / open.len()));
    }
    refused(["x"; 2_000].join("+"));
    refused(["x"; 2_000].join("."));
    refused(["x"; 1_000].join("?x:"));
    refused(format!("'{}'", "x".repeat(9_000)));
}

#[test]
fn the_deepest_and_widest_expressions_that_are_allowed_work() {
    let deep = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(32), close.repeat(32));
    for (text, expected) in [
        (deep("(", "1", ")"), json!(1)),
        (deep("!(", "true", ")"), json!(true)),
        (deep("-(", "1", ")"), json!(1)),
        (deep("min(1,", "1", ")"), json!(1)),
        (["1"; 120].join("+"), json!(120)),
        (["false"; 900].join("||"), json!(false)),
        (format!("[{}][999]", ["7"; 1_000].join(",")), json!(7)),
        (format!("{}1", "false?0:".repeat(60)), json!(1)),
        (format!("{}1", "-".repeat(100)), json!(1)),
    ] {
        assert_eq!(evaluated(&text, &vu()), Ok(expected), "{text}");
    }
    let nested = format!("{}x{}", "[[1]].map(x, ".repeat(12), ")".repeat(12));
    assert!(evaluated(&nested, &vu()).is_ok());
}

const LEAVES: [&str; 25] = [
    "n",
    "x",
    "text",
    "list",
    "user",
    "nothing",
    "big",
    "unset",
    "json",
    "headers",
    "env.PORT",
    "vu.token",
    "config",
    "0",
    "(-1)",
    "9223372036854775807",
    "2.5",
    "1e308",
    "'é'",
    "''",
    "true",
    "null",
    "[]",
    "{}",
    "optional.none()",
];
const SHAPES: [&str; 45] = [
    "(A + B)",
    "(A - B)",
    "(A * B)",
    "(A / B)",
    "(A % B)",
    "(-(A))",
    "(!(A))",
    "(A == B)",
    "(A < B)",
    "(A in B)",
    "(A && B)",
    "(A || B)",
    "(A ? B : C)",
    "[A, B]",
    "{'a': A, 'b': B}",
    "A[B]",
    "A[?B]",
    "A.id",
    "A.?id",
    "has(A.id)",
    "A.?id.orValue(B)",
    "size(A)",
    "A.map(v, B)",
    "A.filter(n, B)",
    "A.all(v, B)",
    "A.exists_one(v, B)",
    "string(A)",
    "int(A)",
    "min(A, B)",
    "A.substring(B, C)",
    "A.replace(B, C)",
    "A.join(B)",
    "A.matches(B)",
    "random_int(A, B)",
    "range(A, B)",
    "pick(A)",
    "json_encode(A)",
    "A.trim()",
    "random_string(A)",
    "A.split(B)",
    "A.contains(B)",
    "json_decode(A)",
    "url_decode(A)",
    "base64_decode(A)",
    "round(A)",
];

/// Well-formed expressions of every construct.
fn expression() -> impl Strategy<Value = String> {
    proptest::sample::select(&LEAVES[..]).prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        (proptest::sample::select(&SHAPES[..]), inner.clone(), inner.clone(), inner).prop_map(|(shape, a, b, c)| {
            let part = |place: char| match place {
                'A' => a.clone(),
                'B' => b.clone(),
                'C' => c.clone(),
                other => other.to_string(),
            };
            shape.chars().map(part).collect()
        })
    })
}

proptest! {
    #[test]
    fn every_well_formed_expression_has_a_value_or_an_error(text in expression()) {
        let expr = Expr::parse(located(&text));
        prop_assert!(expr.is_ok(), "{text}: {expr:?}");
        let program = compiled(&text);
        if let Ok(value) = program.evaluate(&vu()) {
            let mut json = Vec::new();
            let written = value.write_json(&mut json);
            prop_assert_eq!(value.to_value().ok().map(|value| value.to_string().into_bytes()), written.ok().map(|()| json));
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".{0,60}") {
        let _ = Expr::parse(located(&text));
        let _ = Template::parse(located(&text));
        let _ = JsonPath::parse(&text);
        let _ = JsonPath::parse(&format!("${text}"));
    }

    #[test]
    fn no_soup_of_tokens_panics_or_evaluates_to_a_panic(tokens in proptest::collection::vec(proptest::sample::select(&[
        "a", "list", "json", "has", "map", "r", "env", "BASE_URL", "optional", "in", "true", "null", "1", "2.5", "9u", "'t'", "\"q", "'",
        "b'x'", ".", ".?", "[", "[?", "]", "(", ")", "{", "}", "{?", ":", ",", "?", "!", "-", "+", "*", "/", "%", "==", "<", "&&", "||",
        "${", "}}", "$", "if", "`", "\\", "\n", "//", " ", "size(", ".map(x,", ".filter(", "random_int(", "é", "$.", "..", "[*]",
    ][..]), 0..14)) {
        let text = tokens.concat();
        if let Ok(expr) = Expr::parse(located(&text)) {
            expr.names();
            let _ = Program::compile(&expr, &Plan).evaluate(&vu());
        }
        if let Ok(template) = Template::parse(located(&text)) {
            let _ = TextProgram::compile(&template, &Plan).render(&vu(), &mut String::new());
        }
        if let Ok(path) = JsonPath::parse(&format!("${text}")) {
            path.find(&json!({"a": [1, {"json": 2}], "list": "x"}));
        }
    }
}
