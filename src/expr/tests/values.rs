//! What expressions mean, as tables.

use super::*;

/// Rows of `expression => JSON`, or `expression => ! part of the error`.
fn check_rows(vu: &Vu, rows: &str) {
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (text, expected) = row.rsplit_once(" => ").unwrap_or_else(|| panic!("{row}"));
        let found = evaluated(text, vu);
        match expected.strip_prefix("! ") {
            Some(part) => {
                let message = found.expect_err(row);
                assert!(message.contains(part), "{row}\n found: {message}");
            }
            None => assert_eq!(found, Ok(serde_json::from_str(expected).expect(row)), "{row}"),
        }
    }
}

#[test]
fn numbers_keep_their_types_and_never_wrap() {
    check_rows(
        &vu(),
        r#"
        1 + 2 * 3 => 7
        (1 + 2) * 3 => 9
        7 / 2 => 3
        -7 / 2 => -3
        7 % 3 => 1
        -7 % 3 => -1
        7.0 / 2.0 => 3.5
        1.0 + 0.5 => 1.5
        0xff => 255
        1e3 => 1000.0
        -n => -42
        - -n => 42
        -(1.5) => -1.5
        1 / 0 => ! division by zero
        1 % 0 => ! division by zero
        9223372036854775807 + 1 => ! does not fit 64 bits
        -9223372036854775808 - 1 => ! does not fit 64 bits
        -9223372036854775808 / -1 => ! does not fit 64 bits
        9223372036854775807 * 2 => ! does not fit 64 bits
        1 + 1.5 => ! `double(x)` makes both floating-point
        n / x => ! `/` does not combine int 42 with double 1.5
        x % 2.0 => ! `int(x)` makes one
        "a" + 1 => ! `string(x)` makes text of a value
        "a" - "b" => ! `-` does not combine string "a" with string "b"
        1.0 / 0.0 > 1.0 => true
        1.0 / 0.0 => ! not a finite number
        big => 18446744073709551615
        big > 9223372036854775807 => true
        -true => ! `-` takes a number, not bool true
        "#,
    );
}

#[test]
fn comparison_crosses_number_types_but_no_others() {
    check_rows(
        &vu(),
        r#"
        1 < 2 => true
        2 <= 2 => true
        1 < 1.5 => true
        2.0 >= 2 => true
        1 == 1.0 => true
        1 == 1.5 => false
        9007199254740993 == 9007199254740992.0 => false
        9223372036854775807 < 9223372036854775808.0 => true
        -1 > -1.5 => true
        "a" < "b" => true
        false < true => true
        "5" > 3 => ! `>` does not compare string "5" with int 3
        null < 1 => ! null with int 1
        [1] < [2] => ! a list of 1 with a list of 1
        "5" == 5 => false
        "5" != 5 => true
        null == null => true
        null == 0 => false
        false == 0 => false
        "" == null => false
        [1, 2.0] == [1.0, 2] => true
        [1] == [1, 2] => false
        [] == {} => false
        {'a': 1, 'b': 2} == {'b': 2, 'a': 1.0} => true
        {'a': 1} == {'a': 1, 'b': 2} => false
        json.data.token == null => true
        json.empty == [] => true
        user.tags == ['a', 'b'] => true
        nothing != null => false
        "#,
    );
}

#[test]
fn logic_has_no_truthiness_and_a_deciding_side_wins_over_an_error() {
    check_rows(
        &vu(),
        r#"
        true && false => false
        true || false => true
        !true => false
        !!true => true
        !(n > 1) || x == 1.5 => true
        false && unset == 1 => false
        unset == 1 && false => false
        unset == 1 || true => true
        true || 1 / 0 == 1 => true
        unset == 1 && true => ! `unset` is not set yet
        false || unset == 1 => ! `unset` is not set yet
        true && 1 => ! `&&` takes bools, not int 1
        1 || true => true
        "" || false => ! `||` takes bools, not string ""
        !1 => ! `!` takes a bool, not int 1
        true && true && false || true => true
        n > 1 ? 'many' : 'few' => "many"
        n > 100 ? 'many' : n > 10 ? 'some' : 'few' => "some"
        true ? 1 : unset => 1
        n ? 1 : 2 => ! the condition before `?` is int 42
        "#,
    );
}

#[test]
fn fields_and_elements_are_read_and_what_is_missing_is_named() {
    check_rows(
        &vu(),
        r#"
        json.data.status => "ACTIVE"
        json["data"]["order"] => 0
        json.items[1].id => 2
        json.items[0.0].id => 1
        user.seat => null
        config.a.b[1] => 2
        {'a': {'b': 5}}.a.b => 5
        [1, 2][1] => 2
        json.data.nope => ! `json.data.nope`: no key `nope` (there are `status`, `order`, `token`)
        json.data.token.id => ! `json.data.token.id`: null has no `id`
        json.nope.token => ! `json.nope`: no key `nope` (there are `data`, `items`, `empty`)
        json.data.status.x => ! string "ACTIVE" has no `x`
        json.items.id => ! a list of 3 has no `id`: read an element, as in `[0]`
        json.items.length => ! write `size(x)`
        json.items[3] => ! `json.items[3]`: no element int 3 in a list of 3
        json.items[-1] => ! no element int -1
        json.items["0"] => ! read by a number
        json.data[0] => ! read by text
        text[0] => ! `charAt`
        {}.a => ! `(…).a`: no key `a` (it is empty)
        n.x => ! `n.x`: int 42 has no `x`
        unset => ! `unset` is not set yet
        unset.x => ! `unset` is not set yet
        vu.token => ! `vu.token` is not set yet
        nowhere => ! `nowhere` does not exist
        env.NOPE => ! `env.NOPE` does not exist
        vu.id => 3
        env.PORT + 1 => 8081
        env["PORT"] => 8080
        1 in [1, 2] => true
        1.0 in [1, 2] => true
        "1" in [1, 2] => false
        "data" in json => true
        "nope" in json => false
        1 in json => false
        status in [200, 409] => true
        "a" in "abc" => ! write `text.contains(part)`
        1 in 2 => ! not into int 2
        "#,
    );
}

#[test]
fn absence_is_asked_for_with_has_and_optionals() {
    check_rows(
        &vu(),
        r#"
        has(json.data.token) => true
        has(json.data.nope) => false
        has(json.nope.token) => ! no key `nope`
        has(user.name) && user.name == "Ada" => true
        has(unset.x) => false
        has(unset) => false
        has(n) => true
        has(nothing) => true
        has(status) => true
        has(config) => true
        ! has ( unset ) && n == 42 => true
        unset.orValue(5) => 5
        n.orValue(5) => 42
        nothing.orValue(5) => null
        vu.token.orValue("none") => "none"
        unset.or(vu.?token).orValue("none") => "none"
        [1, ?unset, ?n] => [1, 42]
        {?'a': unset, ?'b': n} => {"b":42}
        list.filter(x, has(unset)) => []
        has(vu.token) => false
        has(headers.x) => false
        has(n.x) => ! int 42 has no `x`
        has(env.PORT) => true
        json.?data.?status.orValue("") => "ACTIVE"
        json.?nope.?status.orValue("none") => "none"
        json.?nope.status.orValue("none") => "none"
        json.?data.status.value() => "ACTIVE"
        json.?data.?token.orValue("x") => null
        json.data.?token.?id.orValue("x") => "x"
        json.items[?0].hasValue() => true
        json.items[?9].hasValue() => false
        user.?seat.id.hasValue() => false
        user[?"seat"].id.hasValue() => false
        user.?seat.hasValue() => true
        json.items[?9].?id.orValue(0) => 0
        json[?"nope"].orValue(1) => 1
        vu.?token.orValue("anonymous") => "anonymous"
        unset.?x.orValue(1) => 1
        json.?data.orValue(unset).status => "ACTIVE"
        json.?nope.or(json.?data).?order.orValue(9) => 0
        optional.of(1).hasValue() => true
        optional.none().hasValue() => false
        optional.none() == optional.none() => true
        optional.of(1) == optional.of(1.0) => true
        optional.none().value() => ! the value is absent
        json.?nope => ! the value is absent
        json.data.orValue(1) => ! is not optional
        [?json.?nope, 1] => [1]
        {?'a': json.?nope, 'b': 1} => {"b": 1}
        [?1] => ! behind `?` stands an optional value
        "#,
    );
}

#[test]
fn lists_and_objects_are_asked_and_made() {
    check_rows(
        &vu(),
        r#"
        list.all(i, i > 0) => true
        list.exists(i, i > 2) => true
        list.exists_one(i, i > 2) => true
        list.existsOne(i, i > 1) => false
        list.filter(i, i != 2) => [1, 3]
        list.map(i, i * 2) => [2, 4, 6]
        list.map(i, i > 1, i * 2) => [4, 6]
        json.items.filter(item, item.?ok.orValue(false)).map(item, item.id) => [1]
        json.items.exists(item, item.ok == false) => true
        json.items.all(item, item.ok) => false
        json.items.exists(item, item.missing) => ! no key `missing`
        json.items.all(item, item.id) => ! the condition on each element is int 1
        list.map(i, list.map(j, i * j)) => [[1, 2, 3], [2, 4, 6], [3, 6, 9]]
        list.map(i, list.filter(i, i > 2)) => [[3], [3], [3]]
        json.data.map(key, key) => ["status", "order", "token"]
        {'a': 1}.exists(key, key == 'a') => true
        headers.map(name, name) => ["content-type"]
        n.map(i, i) => ! only lists and objects have elements, not int 42
        [1] + [2, 'a'] => [1, 2, "a"]
        list + [4] => [1, 2, 3, 4]
        {'a': [1, n], 'b': null} => {"a": [1, 42], "b": null}
        {text: 1} => {"héllo": 1}
        {n: 1} => ! the keys of an object are text, not int 42
        {'a': 1, 'a': 2} => ! the key "a" twice
        range(1, 4) => [1, 2, 3]
        range(4, 1) => []
        range(0, 100000000) => ! at most 10000000 members
        size(range(0, 3000000).map(i, range(0, 1000))) => ! takes too much
        "#,
    );
}

#[test]
fn the_response_is_read_by_its_names() {
    check_rows(
        &vu(),
        r#"
        status == 200 => true
        body => "{…}"
        headers["Content-Type"] => "application/json"
        headers["content-type"].startsWith("application/") => true
        "CONTENT-TYPE" in headers => true
        "x-id" in headers => false
        headers.x => ! `headers.x`: no header `x` (there are `content-type`)
        headers => {"content-type": "application/json"}
        size(headers) => 1
        json_encode(cookies) => "{\"sid\":\"s1\"}"
        cookies.sid => "s1"
        cookies.?nope.orValue("-") => "-"
        timings.duration < 1000 => true
        timings => {"duration": 12.5}
        timings.nope => ! `timings.nope`: no timing `nope` (there are `duration`, `total`
        error_code => 0
        "#,
    );
    let mut silent = vu();
    silent.answer = None;
    check_rows(
        &silent,
        r#"
        status => ! `status`: no request was made yet
        json.data => ! `json`: no request was made yet
        headers.x => ! `headers`: no request was made yet
        has(json.data) => false
        has(json) || has(status) => false
        status.orValue(0) => 0
        json.?data.orValue(1) => 1
        "#,
    );
    let mut html = vu();
    html.answer = Some(Answer { json: Err("expected value at line 1 column 1".into()) });
    check_rows(&html, "json.data => ! `json`: expected value at line 1 column 1");
}

#[test]
fn functions_give_what_they_say() {
    check_rows(
        &vu(),
        r#"
        size(text) => 5
        text.size() => 5
        size(list) => 3
        size(json.data) => 3
        size(1) => ! `size`: takes a string, a list or an object, not int 1
        text.contains("éll") => true
        list.contains(1) => ! write `x in list`
        text.startsWith("h") => true
        text.endsWith("x") => false
        text.matches("^h.*o$") => true
        text.matches(user.name) => false
        matches(text, "l+") => true
        n.matches("4") => ! `matches` searches a string, not int 42
        "Ab".lowerAscii() + "Ab".upperAscii() => "abAB"
        " a ".trim() => "a"
        "a,b".split(",") => ["a", "b"]
        "ab".split("") => ["a", "b"]
        [1, "a", true].join("-") => "1-a-true"
        ["a", "b"].join() => "ab"
        [null].join() => ! is null
        "aXbX".replace("X", "-") => "a-b-"
        text.substring(1) => "éllo"
        text.substring(1, 3) => "él"
        text.substring(3, 9) => ! 3..9 is not within a text of 5 characters
        text.indexOf("l") => 2
        text.indexOf("z") => -1
        text.charAt(1) => "é"
        text.charAt(5) => ""
        text.charAt(6) => ! no character 6 in a text of 5
        text.charAt(-1) => ! no character -1
        text.indexOf("l", 3) => 3
        text.indexOf("l", 4) => -1
        text.indexOf("", 5) => 5
        text.indexOf("l", 6) => ! no character 6
        text.lastIndexOf("l") => 3
        text.lastIndexOf("l", 2) => 2
        text.lastIndexOf("llo", 2) => 2
        text.lastIndexOf("h", 1) => 0
        text.lastIndexOf("é", 0) => -1
        text.lastIndexOf("z") => -1
        text.lastIndexOf("") => 5
        text.lastIndexOf("h", 9) => ! no character 9
        "a,b,c".split(",", 2) => ["a", "b,c"]
        "a,b".split(",", 1) => ["a,b"]
        "a,b".split(",", 0) => []
        "a,b".split(",", -1) => ["a", "b"]
        text.split("", 3) => ["h", "é", "llo"]
        "aXbXc".replace("X", "-", 1) => "a-bXc"
        "aXb".replace("X", "-", 0) => "aXb"
        "aXbX".replace("X", "-", -3) => "a-b-"
        int("42") => 42
        int(3.9) => 3
        int(-3.9) => -3
        int("4.2") => ! string "4.2" is not a 64-bit integer
        int(1e30) => ! is not a 64-bit integer
        int(true) => ! bool true is not a 64-bit integer
        double("1.5") + double(1) => 2.5
        double("x") => ! is not a number
        string(1) + string(1.0) + string(true) => "11.0true"
        string(list) => ! `json_encode(…)` makes text of it
        bool("true") => true
        bool("yes") => ! is not a bool
        min(1, 2.5) => 1
        max([1, 3, 2]) => 3
        min([]) => ! an empty list has none
        abs(-3) => 3
        abs(-1.5) => 1.5
        round(2.5) => 3
        floor(-1.5) => -2
        ceil(1.1) => 2
        base64_encode("user:pass") => "dXNlcjpwYXNz"
        base64_decode("dXNlcjpwYXNz") => "user:pass"
        base64_decode("eyJhIjoxfQ") => "{\"a\":1}"
        base64_decode("_w") => ! not UTF-8
        base64_decode("!") => ! is not base64
        url_encode("a b&ü~") => "a%20b%26%C3%BC~"
        url_decode("a%20b%26%C3%BC+") => "a b&ü+"
        url_decode("%4") => ! is not URL-encoded
        sha256("abc") => "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        hmac_sha256("Jefe", "what do ya want for nothing?") => "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        json_encode({'a': [1, 1.0, null, "x"]}) => "{\"a\":[1,1.0,null,\"x\"]}"
        json_decode("{\"a\": [1, 2.5]}").a => [1, 2.5]
        json_decode("{") => ! is not JSON
        random_int(5, 5) => 5
        random_int(6, 5) => ! the first number, 6, is above the second, 5
        random_int(1.5, 2) => ! takes an int, not double 1.5
        random_float(1, 1.0) => 1.0
        random_int(1, 6) in range(1, 7) => true
        random_string(12).matches("^[A-Za-z0-9]{12}$") => true
        random_string(2000000) => ! makes 0 to 1048576 characters
        pick(list) in list => true
        pick([]) => ! the list is empty
        uuid().matches("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$") => true
        now() => "2023-11-14T22:13:20.123Z"
        timestamp_ms() => 1700000000123
        fake("email").endsWith("@example.com") => true
        "#,
    );
}
