//! A URL as somebody wrote it, and a `Location` as some server sent it.
#![no_main]

use http::Uri;
use libfuzzer_sys::fuzz_target;
use proofload::transport::url::{parse_url, redirect_target};
use proofload_fuzz::text;

fuzz_target!(|input: &[u8]| {
    let Some(text) = text(input) else { return };
    let base = Uri::from_static("http://shop:81/a/b?c=d");
    let uris = [parse_url(text), redirect_target(&base, text)];
    for uri in uris.into_iter().flatten() {
        assert!(uri.host().is_some_and(|host| !host.is_empty()), "no host in {uri}");
        assert_eq!(parse_url(&uri.to_string()).as_ref(), Ok(&uri), "what is fit is not fit");
        let _ = redirect_target(&uri, text);
    }
});
