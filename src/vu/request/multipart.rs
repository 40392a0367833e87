//! Multipart forms (RFC 7578).

use http::HeaderValue;
use rand::RngExt;

use super::super::Vu;
use super::render::scalar_text;
use crate::expr::{EvalError, TextProgram, Value};
use crate::graph::{PartProgram, PartSource};
use crate::transport::Session;

impl<S: Session> Vu<S> {
    /// The body, and the `Content-Type` that names its boundary.
    pub(super) fn multipart(&self, parts: &[PartProgram]) -> Result<(Vec<u8>, HeaderValue), EvalError> {
        let (high, low) = {
            let mut random = self.random.borrow_mut();
            (random.random::<u64>(), random.random::<u64>())
        };
        // 128 random bits stand in no part by chance.
        let boundary = format!("proofload-{high:016x}{low:016x}");
        let mut out = Vec::with_capacity(parts.iter().map(room).sum());
        for part in parts {
            self.part(part, &boundary, &mut out)
                .map_err(|error| EvalError { message: format!("part `{}`: {}", part.name, error.message) })?;
        }
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"));
        Ok((out, content_type.map_err(|error| EvalError { message: error.to_string() })?))
    }

    fn part(&self, part: &PartProgram, boundary: &str, out: &mut Vec<u8>) -> Result<(), EvalError> {
        let head = self.part_head(part, boundary)?;
        let mut add = |content: &[u8]| out.extend_from_slice(&[head.as_bytes(), content, b"\r\n"].concat());
        match &part.source {
            PartSource::File(bytes) => add(bytes),
            PartSource::Json(data) => {
                let mut json = Vec::new();
                data.write_json(self, &mut json)?;
                add(&json);
            }
            PartSource::Text(data) => match data.evaluate(self)? {
                Value::Array(values) => {
                    for value in &values {
                        add(scalar_text(&part.name, value)?.as_bytes());
                    }
                }
                value => add(scalar_text(&part.name, &value)?.as_bytes()),
            },
        }
        Ok(())
    }

    fn part_head(&self, part: &PartProgram, boundary: &str) -> Result<String, EvalError> {
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", escaped(&part.name));
        if let Some(filename) = &part.filename {
            head.push_str(&format!("; filename=\"{}\"", escaped(&self.rendered_text(filename)?)));
        }
        head.push_str("\r\n");
        if let Some(content_type) = &part.content_type {
            let text = self.rendered_text(content_type)?;
            if text.contains(char::is_control) {
                return Err(EvalError { message: "its `content_type` has a line break or the like".to_owned() });
            }
            head.push_str(&format!("Content-Type: {text}\r\n"));
        }
        head.push_str("\r\n");
        Ok(head)
    }

    fn rendered_text(&self, program: &TextProgram) -> Result<String, EvalError> {
        let mut text = String::new();
        program.render(self, &mut text)?;
        Ok(text)
    }
}

/// About how many bytes the part takes.
fn room(part: &PartProgram) -> usize {
    200 + if let PartSource::File(bytes) = &part.source { bytes.len() } else { 0 }
}

/// As browsers write names in a part's head.
fn escaped(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}
