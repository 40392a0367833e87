//! A VU's cookie jar, like a browser's: kept for the VU's life, or as the plan says.

use cookie_store::CookieStore;
use http::{HeaderMap, HeaderValue, Uri};

use crate::plan::Cookies;

/// Browsers keep about as many of a site. A server that makes up a name for each response must not fill the memory.
const MAX_COOKIES: usize = 200;

/// Empty until a response sets the first cookie, so that a VU without cookies pays nothing for it.
pub(super) struct Jar {
    kept: Cookies,
    store: Option<Box<CookieStore>>,
}

impl Jar {
    pub(super) fn new(kept: Cookies) -> Jar {
        Jar { kept, store: None }
    }

    /// Lets go of what does not outlive an iteration.
    pub(super) fn begin_iteration(&mut self) {
        if self.kept == Cookies::PerIteration {
            self.store = None;
        }
    }

    /// Keeps what the response sets; what is malformed or meant for another domain is dropped, as browsers do.
    pub(super) fn keep(&mut self, headers: &HeaderMap, uri: &Uri) {
        if self.kept == Cookies::Off || !headers.contains_key(http::header::SET_COOKIE) {
            return;
        }
        let Ok(url) = uri.to_string().parse() else { return };
        let store = self.store.get_or_insert_default();
        for value in headers.get_all(http::header::SET_COOKIE) {
            if let Ok(text) = value.to_str()
                && has_room(store, text)
            {
                // A refused cookie is the server's mistake and changes nothing for the user.
                let _ = store.parse(text, &url);
            }
        }
    }

    /// The `cookie` header for a request, where there is anything to send.
    pub(super) fn header(&self, uri: &Uri) -> Option<HeaderValue> {
        let store = self.store.as_ref()?;
        let url = uri.to_string().parse().ok()?;
        let pairs: Vec<String> =
            store.get_request_values(&url).map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() {
            return None;
        }
        HeaderValue::from_str(&pairs.join("; ")).ok()
    }
}

/// Cookies that are kept already may always change.
fn has_room(store: &CookieStore, text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default().trim();
    store.iter_any().count() < MAX_COOKIES || store.iter_any().any(|cookie| cookie.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jar_is_full_at_some_time_and_what_is_in_it_may_still_change() {
        let (mut jar, uri) = (Jar::new(Cookies::PerVu), Uri::from_static("http://shop/"));
        let mut keep = |text: String| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::SET_COOKIE, HeaderValue::try_from(text).unwrap());
            jar.keep(&headers, &uri);
            jar.header(&uri).unwrap().to_str().unwrap().to_owned()
        };
        (0..2 * MAX_COOKIES).for_each(|index| drop(keep(format!("c{index}=1"))));
        let header = keep("c7=2".to_owned());
        assert_eq!((header.split("; ").count(), header.contains("c7=2")), (MAX_COOKIES, true));
    }
}
