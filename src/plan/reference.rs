//! The vocabulary as tables of Markdown.

use super::vocabulary::{self, Object, STEP_FORMS, Shape, State, Word};

/// Every key of every object, with what it takes; what is not available yet stands at the end.
pub fn reference() -> String {
    let mut page = String::new();
    for object in vocabulary::objects() {
        let words: Vec<&Word> = object.words().filter(|word| word.state == State::Here).collect();
        if words.is_empty() || std::ptr::eq(object, later_step()) {
            continue;
        }
        page.push_str(&format!("### {}\n\n| key | takes | |\n| --- | --- | --- |\n", capitalised(object.name)));
        for word in words {
            let needed = if object.required.contains(&word.name) { " **Required.**" } else { "" };
            page.push_str(&format!(
                "| `{}` | {} | {}{needed} |\n",
                word.name,
                cell(&takes(&word.shape)),
                cell(word.doc)
            ));
        }
        page.push('\n');
    }
    page.push_str(&later_words());
    page
}

fn later_step() -> &'static Object {
    STEP_FORMS.iter().find(|form| form.state == State::Later).map_or(&vocabulary::PLAN, |form| form.object)
}

fn later_words() -> String {
    let mut section =
        String::from("### Not available yet\n\nThese words are part of the language; this version refuses them.\n\n");
    for object in vocabulary::objects() {
        let words: Vec<String> =
            object.words().filter(|word| word.state == State::Later).map(|word| format!("`{}`", word.name)).collect();
        if !words.is_empty() {
            section.push_str(&format!("- {}: {}\n", object.name, words.join(", ")));
        }
    }
    section
}

fn takes(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Template => "template".to_owned(),
        Shape::Expression => "expression".to_owned(),
        Shape::Bool => "`true` or `false`".to_owned(),
        Shape::Whole => "whole number".to_owned(),
        Shape::Duration => "duration".to_owned(),
        Shape::Size => "size such as `10MB`".to_owned(),
        Shape::Pause => "duration, or range `1s..3s`".to_owned(),
        Shape::Data => "anything".to_owned(),
        Shape::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::Object(object) => format!("map: {}", object.name),
        Shape::List(item) => format!("list of: {}", takes(item)),
        Shape::Map(value) => format!("map from names to: {}", takes(value)),
        Shape::Steps => "steps".to_owned(),
        Shape::Any(forms) => forms.iter().map(takes).collect::<Vec<_>>().join("; or "),
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_word_in_its_section() {
        let page = reference();
        for object in vocabulary::objects() {
            for word in object.words() {
                assert!(page.contains(&format!("`{}`", word.name)), "{} of {}", word.name, object.name);
            }
        }
        assert!(page.contains("| `duration` | duration | How long the stage takes. **Required.** |"), "{page}");
    }
}
