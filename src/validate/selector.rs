//! The key of a threshold: `metric`, or `metric{tag:value,tag2:value2}`.

/// The tags in the order written. The error says what is wrong, without the key in front.
#[derive(Debug, PartialEq)]
pub(super) struct Selector<'k> {
    pub metric: &'k str,
    pub tags: Vec<(String, String)>,
}

pub(super) fn parse(key: &str) -> Result<Selector<'_>, &'static str> {
    let Some((metric, rest)) = key.split_once('{') else {
        return if key.contains('}') {
            Err("has a `}` without a `{`")
        } else {
            Ok(Selector { metric: key.trim(), tags: Vec::new() })
        };
    };
    let inside = rest.trim_end().strip_suffix('}').ok_or("does not end with `}`")?;
    if inside.trim().is_empty() {
        return Err("selects by no tag");
    }
    let tags = parts(inside).into_iter().map(tag).collect::<Result<_, _>>()?;
    Ok(Selector { metric: metric.trim(), tags })
}

/// Splits at commas, but not inside quotes nor inside the `${…}` of a request named by its URL.
fn parts(inside: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0usize, None);
    for (at, letter) in inside.char_indices() {
        match letter {
            '"' | '\'' if quote == Some(letter) => quote = None,
            '"' | '\'' if quote.is_none() && depth == 0 && inside[start..at].trim_end().ends_with(':') => {
                quote = Some(letter);
            }
            _ if quote.is_some() => {}
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    parts
}

fn tag(part: &str) -> Result<(String, String), &'static str> {
    let Some((key, value)) = part.split_once(':') else {
        return Err(match part.contains('=') {
            true => "selects with `=`: write `{tag:value}`",
            false => "selects without a value: write `{tag:value}`",
        });
    };
    let key = key.trim();
    if key.is_empty() {
        return Err("selects by a tag without a name");
    }
    let value = unquoted(value.trim());
    // k6 writes `::` in front of every group.
    let value = if key == "group" { value.strip_prefix("::").unwrap_or(value) } else { value };
    Ok((key.to_owned(), value.to_owned()))
}

fn unquoted(value: &str) -> &str {
    let between = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    between('"').or_else(|| between('\'')).unwrap_or(value)
}
