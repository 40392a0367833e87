//! The vocabulary as a JSON Schema (draft-07, the one that YAML editors know).

use serde_json::{Map, Value, json};

use super::vocabulary::{self, Object, PLAN, STEP_FORMS, Shape, State, StepForm, Word};

/// The schema of plans.
pub fn schema() -> Value {
    let mut schema = object(&PLAN);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("proofload plan");
    schema["definitions"] = Value::Object(definitions());
    schema
}

fn definitions() -> Map<String, Value> {
    let mut definitions = Map::new();
    definitions.insert(
        "duration".to_owned(),
        json!({
            "type": "string",
            "pattern": r"^(([0-9]+(\.[0-9]+)?|\.[0-9]+)(d|h|m|s|ms|us|µs))+$",
            "description": "A duration: `30s`, `1m30s`, `250ms`.",
        }),
    );
    definitions.insert(
        "pause".to_owned(),
        json!({
            "type": "string",
            "pattern": r"^[0-9.a-zµ]+(\.\.[0-9.a-zµ]+)?$",
            "description": "A duration, or a random one: `1s..3s`.",
        }),
    );
    definitions.insert(
        "size".to_owned(),
        json!({
            "type": "string",
            "pattern": r"^([0-9]+(\.[0-9]+)?|\.[0-9]+)([kKmMgGtT]i?)?[bB]$",
            "description": "A size: `10MB`, `512KiB`.",
        }),
    );
    definitions.insert("steps".to_owned(), json!({ "type": "array", "minItems": 1, "items": step() }));
    let is_step = |object: &Object| STEP_FORMS.iter().any(|form| std::ptr::eq(form.object, object));
    for known in vocabulary::objects() {
        if !std::ptr::eq(known, &PLAN) && !is_step(known) && known.words().any(|word| word.state == State::Here) {
            definitions.insert(definition_name(known), object(known));
        }
    }
    definitions
}

fn definition_name(object: &Object) -> String {
    let name = object.name.trim_start_matches("a ").trim_start_matches("an ").replace(' ', "_");
    name.trim_matches('`').replace('`', "")
}

fn step() -> Value {
    let mut forms: Vec<&StepForm> = STEP_FORMS.iter().filter(|form| form.state == State::Here).collect();
    forms.dedup_by(|next, first| std::ptr::eq(next.object, first.object));
    json!({ "anyOf": forms.into_iter().map(|form| step_form(form.object)).collect::<Vec<_>>() })
}

/// The kinds of request share one form, of which exactly one key tells the kind.
fn step_form(shared: &'static Object) -> Value {
    let mut schema = object(shared);
    let kinds: Vec<&str> =
        STEP_FORMS.iter().filter(|form| std::ptr::eq(form.object, shared)).map(|form| form.key).collect();
    if kinds.len() > 1 {
        schema["oneOf"] = kinds.iter().map(|kind| json!({ "required": [kind] })).collect();
    }
    schema
}

fn object(object: &Object) -> Value {
    let properties: Map<String, Value> = object
        .words()
        .filter(|word| word.state == State::Here)
        .map(|word| (word.name.to_owned(), property(word)))
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !object.required.is_empty() {
        schema["required"] = json!(object.required);
    }
    schema
}

fn property(word: &Word) -> Value {
    let described = shape(&word.shape);
    // Beside `$ref` draft-07 ignores everything else.
    let mut schema = if described.get("$ref").is_some() { json!({ "allOf": [described] }) } else { described };
    schema["description"] = json!(word.doc);
    schema
}

fn shape(shape_: &Shape) -> Value {
    match shape_ {
        Shape::Text | Shape::Template => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Expression => json!({ "type": ["string", "boolean"] }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Whole => json!({ "type": "integer", "minimum": 0 }),
        Shape::Duration => json!({ "$ref": "#/definitions/duration" }),
        Shape::Size => json!({ "$ref": "#/definitions/size" }),
        Shape::Pause => json!({ "$ref": "#/definitions/pause" }),
        Shape::Data => json!({}),
        Shape::Word(words) => json!({ "enum": words }),
        // One whose words are all of a later version offers nothing.
        Shape::Object(inner) if inner.words().all(|word| word.state == State::Later) => json!({ "not": {} }),
        Shape::Object(inner) => json!({ "$ref": format!("#/definitions/{}", definition_name(inner)) }),
        Shape::List(item) => json!({ "type": "array", "minItems": 1, "items": shape(item) }),
        Shape::Map(value) => json!({ "type": "object", "minProperties": 1, "additionalProperties": shape(value) }),
        Shape::Steps => json!({ "$ref": "#/definitions/steps" }),
        Shape::Any(forms) => json!({ "anyOf": forms.iter().map(shape).collect::<Vec<_>>() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_offers_what_is_here_and_nothing_that_is_not_available_yet() {
        let schema = schema();
        let plan = schema["properties"].as_object().expect("the plan has properties");
        assert!(plan.contains_key("stages") && !plan.contains_key("setup"));
        let forms = schema["definitions"]["steps"]["items"]["anyOf"].as_array().expect("steps have forms");
        assert!(forms.iter().any(|form| form["required"] == json!(["group", "steps"])));
        let request = forms.iter().find(|form| form["properties"].get("get").is_some()).expect("there is a request");
        assert!(request["oneOf"].as_array().is_some_and(|kinds| kinds.contains(&json!({ "required": ["post"] }))));
        assert!(request["properties"].get("checks").is_some());
        assert!(!schema.to_string().contains("websocket"));
    }

    #[test]
    fn every_reference_of_the_schema_leads_somewhere() {
        let schema = schema();
        let text = schema.to_string();
        for reference in text.split("\"$ref\":\"#/definitions/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(schema["definitions"].get(name).is_some(), "{name}");
        }
    }
}
