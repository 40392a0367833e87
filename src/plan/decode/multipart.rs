//! Bodies made of files: `body_file`, and the parts of `multipart`.

use super::values::spanned;
use super::{Decoder, Fields, first_line};
use crate::diagnostic::Diagnostic;
use crate::plan::model::{Body, BodyPart, PartContent};
use crate::plan::node::{Kind, Node};
use crate::plan::vocabulary::{BODY_FILE, PART};
use crate::source::Spanned;

const CONTENTS: [&str; 3] = ["value", "json", "file"];

impl Decoder<'_> {
    /// A path, or `{ path, template }`.
    pub(super) fn body_file(&mut self, node: &Node) -> Option<Body> {
        let Kind::Map(map) = &node.kind else {
            return self.label(node, "body_file").map(Body::File);
        };
        let fields = self.fields_of(&BODY_FILE, map, node.span);
        let path = fields.take("path").and_then(|node| self.label(node, "path"));
        let is_template = self.flag(&fields, "template");
        path.map(if is_template { Body::FileTemplate } else { Body::File })
    }

    /// Every field with its parts, of which a list has several.
    pub(super) fn multipart(&mut self, node: &Node) -> Vec<(Spanned<String>, BodyPart)> {
        let Some(entries) = self.entries(node, "multipart", "a map from fields to values and files") else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        for (key, value) in entries {
            self.refuse_template_in_key(key);
            let items = match &value.kind {
                Kind::List(items) => &items[..],
                _ => std::slice::from_ref(value),
            };
            if items.is_empty() {
                self.empty(value, &key.name);
            }
            parts.extend(items.iter().filter_map(|item| Some((spanned(key), self.body_part(item, &key.name)?))));
        }
        parts
    }

    fn body_part(&mut self, node: &Node, name: &str) -> Option<BodyPart> {
        match &node.kind {
            Kind::Map(map) => {
                let fields = self.fields_of(&PART, map, node.span);
                let content = self.part_content(&fields, node);
                let content_type = fields.take("content_type").and_then(|node| self.template(node, "content_type"));
                let filename = fields.take("filename").and_then(|node| self.template(node, "filename"));
                Some(BodyPart { content: content?, content_type, filename })
            }
            Kind::List(_) | Kind::Null => {
                let help = "write a value, or `{ file: PATH }`; to send a list as JSON, write `{ json: [ … ] }`";
                self.wrong_type_with(node, name, "a value or a file", help);
                None
            }
            _ => {
                let content = PartContent::Text(self.data(node));
                Some(BodyPart { content, content_type: None, filename: None })
            }
        }
    }

    fn part_content(&mut self, fields: &Fields, node: &Node) -> Option<PartContent> {
        let mut written = CONTENTS.iter().filter_map(|name| Some((*name, fields.take(name)?)));
        let Some((name, content)) = written.next() else {
            // A key that was not taken has been reported, and may be the one that is missing.
            if !fields.unread {
                let error = Diagnostic::error("missing-key", "a part needs one of `value`, `json` and `file`");
                let help = "to send an object as JSON, write `{ json: { … } }`";
                self.push(error.at(first_line(self.source, node.span)).help(help));
            }
            return None;
        };
        for (other, place) in written {
            let error = Diagnostic::error("two-bodies", format!("a part has one content, not `{name}` and `{other}`"));
            self.push(error.at(place.span).help("keep one of them"));
        }
        match name {
            "value" => Some(PartContent::Text(self.data(content))),
            "json" => Some(PartContent::Json(self.data(content))),
            _ => self.label(content, "file").map(PartContent::File),
        }
    }
}
