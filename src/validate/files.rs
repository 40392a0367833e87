//! Files that the plan names: read once, here, so that nothing can be missing later.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Located, Template};
use crate::plan::{Body, PartContent, Plan, StepKind};
use crate::source::{LARGEST, Source, Span, Spanned};

use super::{ValidScenario, place};

/// Bytes of a file that is sent as it is: all of it is held in memory.
const LARGEST_BODY: u64 = 1024 * 1024 * 1024;

pub(super) fn read(
    plan: &Plan,
    source: &Source,
    scenarios: &[ValidScenario],
    found: &mut Diagnostics,
) -> BTreeMap<String, Arc<[u8]>> {
    let mut files = BTreeMap::new();
    if let Some(ca) = &plan.http.tls.ca
        && let Some(contents) = load(source, ca, &mut files, found)
    {
        check_certificates(&contents, ca, found);
    }
    for path in plan.http.tls.cert.iter().chain(&plan.http.tls.key) {
        load(source, path, &mut files, found);
    }
    for scenario in scenarios {
        place::visit(scenario, &mut |_, step| {
            if let StepKind::Request(request) = &step.kind {
                for path in paths(request.body.as_ref()) {
                    load(source, path, &mut files, found);
                }
            }
        });
    }
    files
}

/// The files that a body sends as they are.
fn paths(body: Option<&Body>) -> Vec<&Spanned<String>> {
    match body {
        Some(Body::File(path)) => vec![path],
        Some(Body::Multipart(parts)) => {
            let files = parts.iter().filter_map(|(_, part)| match &part.content {
                PartContent::File(path) => Some(path),
                PartContent::Text(_) | PartContent::Json(_) => None,
            });
            files.collect()
        }
        Some(Body::Json(_) | Body::Form(_) | Body::Text(_) | Body::FileTemplate(_)) | None => Vec::new(),
    }
}

/// A file in which `${ expr }` is replaced. Mistakes in it point into it.
#[derive(Debug)]
pub(crate) struct FileTemplate {
    pub(crate) template: Template,
    source: Arc<Source>,
}

/// By the path as written.
pub(crate) type FileTemplates = BTreeMap<String, FileTemplate>;

impl FileTemplate {
    /// Says of mistakes, found in the template, that they are in this file.
    pub(super) fn claim(&self, found: &mut [Diagnostic]) {
        for diagnostic in found {
            diagnostic.source = Some(Arc::clone(&self.source));
        }
    }
}

/// Reads the files that are templates, with every mistake of their form.
pub(super) fn templates(source: &Source, scenarios: &[ValidScenario], found: &mut Diagnostics) -> FileTemplates {
    let mut known = BTreeSet::new();
    let mut templates = FileTemplates::new();
    for scenario in scenarios {
        place::visit(scenario, &mut |_, step| {
            if let StepKind::Request(request) = &step.kind
                && let Some(Body::FileTemplate(path)) = &request.body
                && known.insert(path.value.clone())
                && let Some(template) = template(source, path, found)
            {
                templates.insert(path.value.clone(), template);
            }
        });
    }
    templates
}

fn template(source: &Source, path: &Spanned<String>, found: &mut Diagnostics) -> Option<FileTemplate> {
    let place = source.folder.join(&path.value);
    let bytes = bounded(&place, LARGEST).map_err(|error| found.push(unreadable(path, &place, &error))).ok()?;
    if bytes.len() as u64 > LARGEST {
        let error = Diagnostic::error("too-big", format!("`{}` is larger than 16 MiB", path.value));
        found.push(error.at(path.span).help("send it as it is: `body_file: PATH`"));
        return None;
    }
    let text = String::from_utf8(bytes).map_err(std::io::Error::other);
    let text = text.map_err(|error| found.push(unreadable(path, &place, &error))).ok()?;
    let source = Arc::new(Source::new(place.display().to_string(), source.format, text));
    let located = Located { text: &source.text, span: Span::new(0, source.text.len()), exact: true };
    match Template::parse(located) {
        Ok(template) => Some(FileTemplate { template, source }),
        Err(mistakes) => {
            let in_file =
                mistakes.into_iter().map(|mistake| Diagnostic { source: Some(Arc::clone(&source)), ..mistake });
            found.found.extend(in_file);
            None
        }
    }
}

pub(super) fn unreadable(path: &Spanned<String>, place: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error("missing-file", format!("`{}` cannot be read: {error}", path.value))
        .at(path.span)
        .help(format!("paths start from the plan's folder; this one is `{}`", place.display()))
}

fn load(
    source: &Source,
    path: &Spanned<String>,
    files: &mut BTreeMap<String, Arc<[u8]>>,
    found: &mut Diagnostics,
) -> Option<Arc<[u8]>> {
    if let Some(known) = files.get(&path.value) {
        return Some(Arc::clone(known));
    }
    let place = source.folder.join(&path.value);
    match bounded(&place, LARGEST_BODY) {
        Ok(contents) if contents.len() as u64 > LARGEST_BODY => {
            let error = Diagnostic::error("too-big", format!("`{}` is larger than 1 GiB", path.value)).at(path.span);
            found.push(error.help("it is held in memory: send a smaller one"));
            None
        }
        Ok(contents) => {
            let contents: Arc<[u8]> = contents.into();
            files.insert(path.value.clone(), Arc::clone(&contents));
            Some(contents)
        }
        Err(error) => {
            found.push(unreadable(path, &place, &error));
            None
        }
    }
}

/// The file's bytes, but no more than one above the limit: what is named may have no end, as `/dev/zero`.
pub(super) fn bounded(place: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(place)?;
    let length = file.metadata().map_or(0, |about| about.len().min(limit));
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check_certificates(contents: &[u8], ca: &Spanned<String>, found: &mut Diagnostics) {
    let text = String::from_utf8_lossy(contents);
    if !(text.contains("-----BEGIN CERTIFICATE-----") && text.contains("-----END CERTIFICATE-----")) {
        found.push(
            Diagnostic::error("bad-certificate", format!("`{}` holds no certificate", ca.value))
                .at(ca.span)
                .help("it must be a PEM file with at least one `-----BEGIN CERTIFICATE-----` block"),
        );
    }
}
