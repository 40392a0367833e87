//! A request as it is sent: every template of the step rendered.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use url::form_urlencoded::Serializer;

use super::super::Vu;
use crate::compress::compress;
use crate::expr::{DataProgram, EvalError, TextProgram, Value};
use crate::graph::{BodyProgram, Credentials, RequestStep};
use crate::transport::url::parse_url;
use crate::transport::{Request, Session};

/// Who answers a digest challenge.
pub(in super::super) struct Login {
    pub(in super::super) username: String,
    pub(in super::super) password: String,
}

impl<S: Session> Vu<S> {
    pub(super) fn rendered(&self, spec: &RequestStep) -> Result<(Request, Option<Login>), String> {
        let mut text = String::new();
        spec.url
            .render(self, &mut text)
            .map_err(|error| format!("the URL `{}`: {}", spec.url.text(), error.message))?;
        if !spec.query.is_empty() {
            let query = self.pairs(&spec.query).map_err(|error| format!("`query`: {}", error.message))?;
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(&query);
        }
        let uri = parse_url(&text).map_err(|why| format!("the URL `{text}`: {why}"))?;
        let mut headers = HeaderMap::with_capacity(spec.headers.len() + 2);
        let mut value = String::new();
        for (name, program) in &spec.headers {
            value.clear();
            program.render(self, &mut value).map_err(|error| format!("header `{name}`: {}", error.message))?;
            let value = HeaderValue::from_bytes(value.as_bytes())
                .map_err(|_| format!("header `{name}`: the value has a character that may not stand in a header"))?;
            headers.append(name, value);
        }
        let body = self.payload(spec, &mut headers).map_err(|why| format!("the body: {why}"))?;
        let login = spec.credentials.as_ref().map(|credentials| self.login(credentials)).transpose()?;
        let request = Request {
            method: spec.method.clone(),
            uri,
            headers,
            body,
            timeout: spec.timeout,
            max_body: spec.max_body,
            discard_body: spec.discard_body,
            expect_continue: spec.expect_continue,
        };
        Ok((request, login))
    }

    fn login(&self, credentials: &Credentials) -> Result<Login, String> {
        let text = |what: &str, program: &TextProgram| {
            let mut text = String::new();
            let rendered = program.render(self, &mut text).map_err(|error| error.message);
            let rendered = rendered.and_then(|()| match text.contains(char::is_control) {
                true => Err("it has a character that may not stand in a header".to_owned()),
                false => Ok(text),
            });
            rendered.map_err(|why| format!("`{what}` of `digest`: {why}"))
        };
        let username = text("username", &credentials.username)?;
        Ok(Login { username, password: text("password", &credentials.password)? })
    }

    /// The body as it goes out, packed where the plan says so.
    fn payload(&self, spec: &RequestStep, headers: &mut HeaderMap) -> Result<Bytes, String> {
        if let Some(packed) = &spec.packed {
            return Ok(Bytes::from_owner(std::sync::Arc::clone(packed)));
        }
        let body = self.body(&spec.body, headers).map_err(|error| error.message)?;
        if spec.compression.is_empty() {
            return Ok(body);
        }
        let packed = compress(&spec.compression, body.into());
        packed.map(Bytes::from).map_err(|error| format!("it cannot be packed: {error}"))
    }

    fn body(&self, body: &BodyProgram, headers: &mut HeaderMap) -> Result<Bytes, EvalError> {
        Ok(match body {
            BodyProgram::None => Bytes::new(),
            BodyProgram::Json(program) => {
                let mut out = Vec::with_capacity(128);
                program.write_json(self, &mut out)?;
                Bytes::from(out)
            }
            BodyProgram::Form(fields) => Bytes::from(self.pairs(fields)?),
            BodyProgram::Text(program) | BodyProgram::FileText { text: program, .. } => {
                let mut out = String::new();
                program.render(self, &mut out)?;
                Bytes::from(out)
            }
            BodyProgram::Bytes(bytes) => Bytes::from_owner(std::sync::Arc::clone(bytes)),
            BodyProgram::Multipart(parts) => {
                let (body, content_type) = self.multipart(parts)?;
                headers.insert(CONTENT_TYPE, content_type);
                Bytes::from(body)
            }
        })
    }

    /// `name=value` pairs, URL-encoded; a list repeats its name.
    fn pairs(&self, fields: &[(String, DataProgram)]) -> Result<String, EvalError> {
        let mut out = Serializer::new(String::new());
        for (name, program) in fields {
            match program.evaluate(self)? {
                Value::Array(values) => {
                    for value in &values {
                        out.append_pair(name, &scalar_text(name, value)?);
                    }
                }
                value => {
                    out.append_pair(name, &scalar_text(name, &value)?);
                }
            }
        }
        Ok(out.finish())
    }
}

pub(super) fn scalar_text(name: &str, value: &Value) -> Result<String, EvalError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null => Err(EvalError { message: format!("`{name}` is null") }),
        Value::Array(_) | Value::Object(_) => Err(EvalError {
            message: format!("`{name}` is a list or an object; write it as text with `json_encode(…)`"),
        }),
    }
}
