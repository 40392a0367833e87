//! What a request reads and sets, and what becomes of its response.

use super::super::super::{http, place};
use super::super::data_names;
use super::super::moment::Fact;
use super::Flow;
use crate::diagnostic::Diagnostic;
use crate::plan::{Body, BodyPart, Extract, ExtractFrom, PartContent, Request, Step, StepKind};
use crate::source::Span;

impl<'p> Flow<'_, 'p> {
    pub(super) fn request(&mut self, request: &'p Request) {
        self.template(&request.url.value);
        for header in http::headers(&self.scenario.http_levels(self.plan), request) {
            self.reads(header.value.names());
        }
        for (_, value) in &request.query {
            self.reads(data_names(value));
        }
        match &request.body {
            Some(Body::Json(data)) => self.reads(data_names(data)),
            Some(Body::Form(fields)) => fields.iter().for_each(|(_, value)| self.reads(data_names(value))),
            Some(Body::Text(text)) => self.template(&text.value),
            Some(Body::Multipart(parts)) => parts.iter().for_each(|(_, part)| self.part(part)),
            Some(Body::FileTemplate(path)) => self.file(&path.value),
            Some(Body::File(_)) | None => {}
        }
        self.now.happens(Fact::Response);
        self.now.responds(self.discards(request));
        request.require.iter().for_each(|check| self.expr(&check.condition));
        request.extract.iter().for_each(|extract| self.extract(extract));
        request.checks.iter().for_each(|check| self.expr(&check.condition));
    }

    /// One that finds nothing ends the iteration, or sets its default.
    fn extract(&mut self, extract: &'p Extract) {
        if let (Some(place), ExtractFrom::JsonPath(from) | ExtractFrom::Regex(from)) =
            (self.now.discarded(), &extract.from)
        {
            self.found.push(discarded("this reads", from.span, place));
        }
        if let Some(default) = &extract.default {
            self.reads(data_names(default));
        }
        self.now.happens(Fact::of(&extract.target));
    }

    /// Before the first step of a loop: the last response may be one of the round before.
    pub(super) fn comes_round(&mut self, steps: &[Step]) {
        for request in requests(steps) {
            self.now.may_have_responded(self.discards(request));
        }
    }

    fn part(&mut self, part: &BodyPart) {
        match &part.content {
            PartContent::Text(data) | PartContent::Json(data) => self.reads(data_names(data)),
            PartContent::File(_) => {}
        }
        part.templates().for_each(|template| self.template(template));
    }

    fn file(&mut self, path: &str) {
        if let Some(file) = self.files.get(path) {
            let before = self.found.found.len();
            self.template(&file.template);
            file.claim(&mut self.found.found[before..]);
        }
    }

    /// Where the plan says that the body of this request's response is discarded.
    fn discards(&self, request: &Request) -> Option<Span> {
        let levels = self.scenario.http_levels(self.plan);
        let own = request.delivery.discard_body.as_ref();
        let decided = http::inherited(&levels, own, |http| http.delivery.discard_body.as_ref());
        decided.filter(|discard| discard.value).map(|discard| discard.span)
    }
}

/// All that are somewhere in these steps.
fn requests(steps: &[Step]) -> Vec<&Request> {
    let of_step = steps.iter().map(|step| match &step.kind {
        StepKind::Request(request) => vec![&**request],
        other => place::inner(other).into_iter().flat_map(requests).collect(),
    });
    of_step.flatten().collect()
}

pub(super) fn discarded(reader: &str, span: Span, place: Span) -> Diagnostic {
    Diagnostic::error("discarded-body", format!("{reader} the body of a response, which is discarded"))
        .at(span)
        .also(place, "discarded here")
        .help("write `discard_body: false` at the request whose body matters")
}
