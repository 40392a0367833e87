//! A VU's cookie jar, like a browser's: kept for the VU's life, or as the plan says.

use std::collections::HashMap;
use std::rc::Rc;

use cookie_store::{Cookie, CookieStore};
use http::{HeaderMap, HeaderValue, Uri};

use crate::plan::Cookies;

/// Browsers keep about as many of a site. A server that makes up a name for each response must not fill the memory.
const MAX_COOKIES: usize = 200;

/// Empty until a response sets the first cookie, so that a VU without cookies pays nothing for it. Shared with forks until one of
/// them gets another cookie.
#[derive(Clone)]
pub(super) struct Jar {
    kept: Cookies,
    store: Option<Rc<CookieStore>>,
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
        let store = Rc::make_mut(self.store.get_or_insert_default());
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

/// What forks have changed in copies of a jar. Of one cookie the fork that is written last decides.
#[derive(Default)]
pub(super) struct ChangedCookies {
    /// By domain, path and name, with the fork's number.
    cookies: HashMap<[String; 3], (usize, Cookie<'static>)>,
}

impl ChangedCookies {
    pub(super) fn note(&mut self, fork: usize, before: &Jar, after: &Jar) {
        let Some(store) = &after.store else { return };
        if before.store.as_ref().is_some_and(|before| Rc::ptr_eq(before, store)) {
            return;
        }
        for cookie in store.iter_any() {
            let key = [String::from(&cookie.domain), String::from(&cookie.path), cookie.name().to_owned()];
            let known = before.store.as_ref().and_then(|before| before.get_any(&key[0], &key[1], &key[2]));
            let is_newest = self.cookies.get(&key).map_or(self.cookies.len() < MAX_COOKIES, |(by, _)| *by < fork);
            if known != Some(cookie) && is_newest {
                self.cookies.insert(key, (fork, cookie.clone()));
            }
        }
    }

    pub(super) fn put_into(self, jar: &mut Jar) {
        if self.cookies.is_empty() {
            return;
        }
        let before: Vec<Cookie> = jar.store.iter().flat_map(|store| store.iter_any().cloned()).collect();
        let is_known =
            |key: &[String; 3]| jar.store.as_ref().is_some_and(|store| store.contains_any(&key[0], &key[1], &key[2]));
        let (changed, mut new): (Vec<_>, Vec<_>) = self.cookies.into_iter().partition(|(key, _)| is_known(key));
        new.sort_by(|(a, _), (b, _)| a.cmp(b));
        new.truncate(MAX_COOKIES.saturating_sub(before.len()));
        let after = changed.into_iter().chain(new).map(|(_, (_, cookie))| cookie);
        let all = before.into_iter().chain(after).map(Ok::<_, std::convert::Infallible>);
        let Ok(store) = CookieStore::from_cookies(all, true);
        jar.store = Some(Rc::new(store));
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

    fn keep(jar: &mut Jar, cookie: &str) {
        let headers = HeaderMap::from_iter([(http::header::SET_COOKIE, HeaderValue::try_from(cookie).unwrap())]);
        jar.keep(&headers, &Uri::from_static("http://shop/"));
    }

    #[test]
    fn of_cookies_that_forks_change_the_last_fork_written_decides() {
        let mut jar = Jar::new(Cookies::PerVu);
        for cookie in ["a=0", "b=0", "gone=0"] {
            keep(&mut jar, cookie);
        }
        let (mut first, mut second) = (jar.clone(), jar.clone());
        for cookie in ["a=1", "b=1", "new=1"] {
            keep(&mut first, cookie);
        }
        keep(&mut second, "a=2");
        keep(&mut second, "gone=; Max-Age=0");
        let mut changed = ChangedCookies::default();
        // They end in another order.
        changed.note(2, &jar, &jar.clone());
        changed.note(1, &jar, &second);
        changed.note(0, &jar, &first);
        changed.put_into(&mut jar);
        let header = jar.header(&Uri::from_static("http://shop/")).unwrap();
        let mut pairs: Vec<&str> = header.to_str().unwrap().split("; ").collect();
        pairs.sort_unstable();
        assert_eq!(pairs, ["a=2", "b=1", "new=1"]);
    }

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
