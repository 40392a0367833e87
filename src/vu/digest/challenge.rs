//! What a server says in `WWW-Authenticate`.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use super::Algorithm;

/// One digest challenge that can be answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) opaque: Option<String>,
    /// As the server writes it; `None` where it leaves it to the default.
    pub(super) algorithm_name: Option<String>,
    pub(super) algorithm: Algorithm,
    /// `-sess`: the key is made of both nonces.
    pub(super) is_session: bool,
    /// `qop=auth`, with a count and a nonce of the client's; the oldest servers know neither.
    pub(super) has_qop: bool,
    pub(super) hides_user: bool,
}

type Parameters = Vec<(String, String)>;

/// The first digest challenge that can be answered, as RFC 7616 wants it; `None` where there is no digest challenge at all.
///
/// # Errors
/// Why none of them can be answered.
pub(super) fn challenge(headers: &HeaderMap) -> Result<Option<Challenge>, String> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let offered = values.flat_map(|value| schemes(&value)).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("digest"));
    let mut why = None;
    for (_, parameters) in offered {
        match understood(&parameters) {
            Ok(challenge) => return Ok(Some(challenge)),
            Err(reason) => why = why.or(Some(reason)),
        }
    }
    why.map_or(Ok(None), Err)
}

fn understood(parameters: &Parameters) -> Result<Challenge, String> {
    let get = |wanted: &str| {
        parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.clone())
    };
    let algorithm_name = get("algorithm");
    let name = algorithm_name.as_deref().unwrap_or("MD5").to_ascii_uppercase();
    let (plain, is_session) = name.strip_suffix("-SESS").map_or((name.as_str(), false), |plain| (plain, true));
    let algorithm = Algorithm::named(plain).ok_or_else(|| format!("its algorithm `{name}` is not known"))?;
    let qop = get("qop");
    if let Some(offered) = &qop
        && !offered.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth"))
    {
        return Err(format!("it demands `qop={offered}`, and only `auth` is known"));
    }
    Ok(Challenge {
        realm: get("realm").unwrap_or_default(),
        nonce: get("nonce").ok_or("it has no nonce")?,
        opaque: get("opaque"),
        algorithm_name,
        algorithm,
        is_session,
        has_qop: qop.is_some(),
        hides_user: get("userhash").is_some_and(|hides| hides.eq_ignore_ascii_case("true")),
    })
}

/// Schemes with their parameters: `Basic realm="a", Digest realm="b", nonce="c"`.
fn schemes(text: &str) -> Vec<(String, Parameters)> {
    let mut found: Vec<(String, Parameters)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter == ',' || letter == '=' || letter.is_whitespace());
        let word;
        (word, rest) = token(rest);
        if word.is_empty() {
            // The end, or something that is no challenge: what was understood so far counts.
            return found;
        }
        let behind = rest.trim_start();
        match (behind.strip_prefix('='), found.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let text;
                (text, rest) = self::value(value.trim_start());
                parameters.push((word.to_owned(), text));
            }
            _ => found.push((word.to_owned(), Vec::new())),
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let ends = |letter: char| letter == ',' || letter == '=' || letter == '"' || letter.is_whitespace();
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// A token, or text in quotes without its escapes.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = token(text);
        return (word.to_owned(), rest);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(values: &[&str]) -> Result<Option<Challenge>, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        challenge(&headers)
    }

    #[test]
    fn the_first_challenge_that_can_be_answered_is_taken() {
        let table: [(&[&str], &str, Algorithm, bool); 5] = [
            (&[r#"Digest realm="a b", nonce="n,1""#], "n,1", Algorithm::Md5, false),
            (
                &[r#"Basic realm="x", Digest nonce=n2,qop="auth-int, auth",algorithm=sha-256"#],
                "n2",
                Algorithm::Sha256,
                true,
            ),
            (&[r#"Digest nonce="n3", algorithm=SCRAM"#, r#"digest nonce="n4", qop=auth"#], "n4", Algorithm::Md5, true),
            (&["Negotiate abc==, Digest nonce=\"q\\\"n\""], "q\"n", Algorithm::Md5, false),
            (&[r#"Digest nonce=n5, algorithm="SHA-512-256""#], "n5", Algorithm::Sha512Over256, false),
        ];
        for (values, nonce, algorithm, has_qop) in table {
            let found = read(values).unwrap().unwrap();
            assert_eq!((&*found.nonce, found.algorithm, found.has_qop), (nonce, algorithm, has_qop), "{values:?}");
        }
        assert!(read(&[r#"Digest nonce=n, algorithm=MD5-sess"#]).unwrap().unwrap().is_session);
    }

    #[test]
    fn one_that_cannot_be_answered_says_why_and_other_schemes_are_none() {
        for (value, why) in [
            (r#"Digest nonce="n", qop="auth-int""#, "qop=auth-int"),
            (r#"Digest nonce="n", algorithm=MD4"#, "MD4"),
            (r#"Digest realm="r""#, "no nonce"),
        ] {
            assert!(read(&[value]).unwrap_err().contains(why), "{value}");
        }
        assert_eq!(read(&[r#"Basic realm="r""#]), Ok(None));
        assert_eq!(read(&[]), Ok(None));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_hang(text in "(Digest |nonce|[ =,\"\\\\a-z]){0,20}") {
            let _ = schemes(&text);
        }
    }
}
