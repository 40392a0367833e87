//! The functions as a table of Markdown.

use super::{FORMS, FUNCTIONS};

/// What each gives, in the order of [`FUNCTIONS`] and then [`FORMS`].
const MEANINGS: [(&str, &str); 56] = [
    ("size", "Length of a text in characters, or number of items or fields."),
    ("matches", "Whether a regular expression is found in the text."),
    ("contains", "Whether the text has this part."),
    ("startsWith", "Whether the text begins with this."),
    ("endsWith", "Whether the text ends with this."),
    ("lowerAscii", "The text in small letters (ASCII)."),
    ("upperAscii", "The text in capitals (ASCII)."),
    ("trim", "The text without white space around it."),
    ("split", "The parts of the text as a list; with a limit, no more than that, the last one being the rest."),
    ("join", "The items of a list of texts as one text."),
    ("replace", "The text with every `old` replaced, or the first ones with a limit."),
    ("substring", "A part of the text, counted from 0; the end is not included and may be left out."),
    ("indexOf", "Where the part first begins, at `from` or behind it, or -1."),
    ("lastIndexOf", "Where the part last begins, at `from` or before it, or -1."),
    ("charAt", "One character, counted from 0; empty right behind the last."),
    ("hasValue", "Whether an optional has a value."),
    ("value", "The value of an optional; an error where it has none."),
    ("optional.of", "An optional with this value."),
    ("optional.none", "An optional without a value."),
    ("int", "A whole number from a number or a text."),
    ("double", "A number from a number or a text."),
    ("string", "The text of a value."),
    ("bool", "A boolean from the text `true` or `false`."),
    ("min", "The smaller one, or the smallest of a list."),
    ("max", "The larger one, or the largest of a list."),
    ("abs", "The number without its sign."),
    ("round", "The nearest whole number."),
    ("floor", "The next whole number below."),
    ("ceil", "The next whole number above."),
    ("range", "The whole numbers from the first up to the second, which is not included."),
    ("random_int", "A random whole number; both ends are included."),
    ("random_float", "A random number from the first up to the second."),
    ("random_string", "Random letters and digits."),
    ("pick", "A random item of a list."),
    ("uuid", "A random UUID (version 4)."),
    ("fake", "Made-up data: `email`, `name`, `first_name`, `city`, `company` and others; a wrong kind lists them all."),
    ("now", "The time as RFC 3339 text."),
    ("timestamp_ms", "The time in milliseconds since 1970."),
    ("base64_encode", "The text in Base64."),
    ("base64_decode", "The text that the Base64 stands for."),
    ("url_encode", "The text with percent signs, fit for a URL."),
    ("url_decode", "The opposite."),
    ("sha256", "The SHA-256 hash in hexadecimal."),
    ("hmac_sha256", "The HMAC-SHA-256 in hexadecimal."),
    ("jwt_sign", "A signed JWT; `HS256` by default, for others such as `RS256` the key is a private key in PEM."),
    ("json_encode", "A value as JSON text."),
    ("json_decode", "The value that JSON text stands for."),
    ("has", "Whether a step has set the name, or the field is there: `has(seat)`, `has(json.token)`, `has(vu.token)`."),
    ("all", "Whether the condition holds for every item."),
    ("exists", "Whether it holds for at least one."),
    ("exists_one", "Whether it holds for exactly one."),
    ("existsOne", "The same."),
    ("map", "A list made of each item."),
    ("filter", "The items for which it holds."),
    ("orValue", "The value of a name or an optional, or this one: `seat.orValue(null)`, `json.?key.orValue(0)`."),
    ("or", "The first optional that has a value."),
];

/// Every function and macro: how it is called, and what it gives.
pub fn reference() -> String {
    let signatures = FUNCTIONS.iter().map(|function| function.signature).chain(FORMS.iter().map(|form| form.1));
    let rows = signatures.zip(MEANINGS).map(|(signature, (_, meaning))| format!("| `{signature}` | {meaning} |\n"));
    format!("| function | gives |\n| --- | --- |\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_meaning_in_the_same_order() {
        let known = FUNCTIONS.iter().map(|function| function.name).chain(FORMS.iter().map(|form| form.0));
        assert_eq!(known.collect::<Vec<_>>(), MEANINGS.map(|(name, _)| name));
    }
}
