//! URLs as people and servers write them, made fit for the wire.

use http::Uri;
use http::uri::Scheme;
use url::{Host, Url};

/// An absolute http or https URL. What may not stand in a URL (spaces, quotes, letters beyond ASCII) is percent-encoded, a
/// host beyond ASCII is written in its ASCII form, and a fragment is dropped.
///
/// # Errors
/// A sentence that names the URL and what is wrong with it.
pub fn parse_url(text: &str) -> Result<Uri, String> {
    let text = text.trim();
    let fit = if is_fit(text) { text.parse().ok() } else { None };
    let uri = match fit {
        Some(uri) => uri,
        None => mend(text)?.parse().map_err(|error| format!("malformed URL `{text}`: {error}"))?,
    };
    check(&uri, text)?;
    Ok(uri)
}

/// Where `location` of a response to a request to `base` points to (RFC 3986, section 5.2).
///
/// # Errors
/// As [`parse_url`].
pub fn redirect_target(base: &Uri, location: &str) -> Result<Uri, String> {
    let malformed = |error: url::ParseError| format!("malformed redirect to `{location}`: {error}");
    let joined = Url::parse(&base.to_string()).map_err(malformed)?.join(location.trim()).map_err(malformed)?;
    parse_url(joined.as_str())
}

fn check(uri: &Uri, text: &str) -> Result<(), String> {
    if uri.scheme() != Some(&Scheme::HTTP) && uri.scheme() != Some(&Scheme::HTTPS) {
        return Err(format!("a URL must begin with `http://` or `https://`: `{text}`"));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err("a URL must not hold a user name or password: use `auth`".to_owned());
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(format!("a URL must name a host: `{text}`"));
    }
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
    if port.is_some() && uri.port_u16().is_none_or(|port| port == 0) {
        return Err(format!("a URL must name a port between 1 and 65535: `{text}`"));
    }
    Ok(())
}

/// Whether it can be sent as it stands. Most can, and are neither copied nor looked at again.
fn is_fit(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            other => stands_for_itself(other),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// RFC 3986's characters. A fragment's `#` is not among them: it has to be dropped.
fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte)
}

/// Without fragment, with everything encoded that must be.
fn mend(text: &str) -> Result<String, String> {
    let text = text.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("a URL must begin with `http://` or `https://`: `{text}`"));
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    Ok(format!("{scheme}://{}{}", ascii_authority(authority)?, encode(path)))
}

fn ascii_authority(authority: &str) -> Result<String, String> {
    if authority.is_ascii() {
        return Ok(authority.to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (authority, String::new()),
    };
    let host = Host::parse(host).map_err(|error| format!("malformed host `{host}`: {error}"))?;
    Ok(format!("{host}{port}"))
}

fn encode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut encoded = String::with_capacity(path.len() + 16);
    for (index, byte) in bytes.iter().enumerate() {
        let is_escape = *byte == b'%'
            && bytes.get(index + 1..index + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if is_escape || stands_for_itself(*byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_url(text: &str, expected: Result<&str, &str>) {
        match (parse_url(text), expected) {
            (Ok(uri), Ok(expected)) => assert_eq!(uri.to_string(), expected),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            (found, _) => panic!("`{text}`: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn what_can_stand_in_a_url_stands() {
        for text in [
            "http://127.0.0.1:8080/a/b.c~d?x[0]=1&y=a+b%20c",
            "https://[::1]:443/",
            "http://h/a/../b?q=';!*()",
            "http://h/%ED%95%9C",
        ] {
            check_url(text, Ok(text));
        }
        check_url("http://h", Ok("http://h/"));
        check_url("http://h?x=1", Ok("http://h/?x=1"));
        check_url("\nHTTP://H/a \n", Ok("http://H/a"));
    }

    #[test]
    fn what_cannot_is_encoded_or_dropped() {
        check_url("http://h/a b\"c<d>?q={x|y}^`\\", Ok("http://h/a%20b%22c%3Cd%3E?q=%7Bx%7Cy%7D%5E%60%5C"));
        check_url("http://h/한?q=글", Ok("http://h/%ED%95%9C?q=%EA%B8%80"));
        check_url("http://h/100%", Ok("http://h/100%25"));
        check_url("http://h/100%é", Ok("http://h/100%25%C3%A9"));
        check_url("http://h/a#b", Ok("http://h/a"));
        check_url("http://h#/b?c", Ok("http://h/"));
        check_url("http://bücher.example:81/ü", Ok("http://xn--bcher-kva.example:81/%C3%BC"));
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_reason() {
        let scheme = Err("must begin with `http://`");
        for text in ["", "/a", "h/a", "ftp://h/", "localhost:8080", "한글", "//h/a"] {
            check_url(text, scheme);
        }
        check_url("http://", Err("malformed URL"));
        check_url("http:///a", Err("malformed URL"));
        check_url("http://a b/", Err("malformed URL"));
        check_url("http://me:secret@h/", Err("use `auth`"));
        check_url("http://h:/", Err("between 1 and 65535"));
        check_url("http://h:0/", Err("between 1 and 65535"));
        check_url("http://h:99999/", Err("between 1 and 65535"));
        check_url("http://한\u{0}/", Err("malformed host"));
    }

    #[test]
    fn a_redirect_is_resolved_against_the_url_it_came_from() {
        let check = |location: &str, expected: &str| {
            let base = parse_url("http://h:81/a/b?c=d").unwrap();
            assert_eq!(redirect_target(&base, location).map(|uri| uri.to_string()), Ok(expected.to_owned()));
        };
        check("/x", "http://h:81/x");
        check("x?y", "http://h:81/a/x?y");
        check("../x", "http://h:81/x");
        check("?y", "http://h:81/a/b?y");
        check("", "http://h:81/a/b?c=d");
        check("//other/x", "http://other/x");
        check("https://other/x#part", "https://other/x");
        check("/한 글", "http://h:81/%ED%95%9C%20%EA%B8%80");
        let base = parse_url("http://h/").unwrap();
        assert!(redirect_target(&base, "ftp://h/").is_err());
        assert!(redirect_target(&base, "http://").is_err());
        assert!(redirect_target(&base, "http://u:p@h/").is_err());
    }

    proptest! {
        #[test]
        fn what_was_made_fit_is_fit_and_no_text_panics(text in prop_oneof![
            "\\PC{0,20}",
            "https?://[a-z0-9.:@é\\[\\]%-]{0,12}[/?#]\\PC{0,12}",
            "[./?#:@\\\\a-zé%\t]{0,12}",
        ]) {
            let base = Uri::from_static("http://h:81/a/b?c=d");
            for uri in [parse_url(&text), redirect_target(&base, &text)].into_iter().flatten() {
                let again = parse_url(&uri.to_string());
                prop_assert_eq!(again.as_ref(), Ok(&uri));
            }
        }
    }
}
