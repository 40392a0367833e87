//! Did you mean: the known word nearest to an unknown one.

/// The candidate that `word` was most likely meant to be; `None` where nothing is near. Case, `-` and `_` weigh nothing.
pub fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Longer ones are no misspelling of a name, and the distance is quadratic.
    if word.len() > 80 {
        return None;
    }
    let wanted = plain(word);
    let allowed = (wanted.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A word that only goes on longer, as `warning` after `warn`, is as near as one with one letter changed.
fn distance(wanted: &str, candidate: &str) -> usize {
    let goes_on =
        candidate.len() >= 3 && wanted.starts_with(candidate) || wanted.len() >= 4 && candidate.starts_with(wanted);
    let distance = strsim::damerau_levenshtein(wanted, candidate);
    if goes_on { distance.min(1) } else { distance }
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_word_finds_the_one_that_was_meant() {
        let known = ["duration", "graceful_stop", "stages", "headers", "http_req_duration", "get"];
        for (word, meant) in [
            ("duratoin", Some("duration")),
            ("gracefulStop", Some("graceful_stop")),
            ("header", Some("headers")),
            ("http_req_durations", Some("http_req_duration")),
            ("got", Some("get")),
            ("stage", Some("stages")),
            ("headers_of_it", Some("headers")),
            ("zzz", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(closest(word, known), meant, "{word}");
        }
    }
}
