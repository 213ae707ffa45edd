//! Nothing unfinished, nothing silenced: each mark of it needs a reason or an issue.

use super::source::words;
use super::{Problem, Source, Tables, Tree, attributes, line_of, problem};

const MACROS: [&str; 3] = ["dbg", "todo", "unimplemented"];
const NOTES: [&str; 3] = ["FIXME", "TODO", "XXX"];

pub(super) fn check(tree: &Tree, _: &Tables) -> Vec<Problem> {
    let in_file = |source: &Source| [silenced(source), macros(source), notes(source)].concat();
    tree.sources.iter().flat_map(in_file).collect()
}

/// Lints allowed without a reason, tests that do not run.
fn silenced(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for attribute in attributes(&source.code) {
        let names = |word| words(attribute.body, word).next().is_some();
        if names("allow") && attribute.body.contains('(') && !names("reason") {
            let message = "a lint is allowed without a reason: `#[expect(lint, reason = \"...\")]`";
            problems.push(problem(&source.path, attribute.line, message));
        }
        if attribute.body.trim_start().starts_with("ignore") {
            let message = "an ignored test protects nothing: run it or delete it";
            problems.push(problem(&source.path, attribute.line, message));
        }
    }
    problems
}

fn macros(source: &Source) -> Vec<Problem> {
    let calls = |name| {
        let at = words(&source.code, name)
            .filter(move |at| source.code[at + name.len()..].starts_with('!'));
        at.map(move |at| {
            problem(
                &source.path,
                line_of(&source.code, at),
                format!("`{name}!` is for work in progress"),
            )
        })
    };
    MACROS.into_iter().flat_map(calls).collect()
}

/// Notes to oneself that name no issue, as in `TODO(#12)`.
fn notes(source: &Source) -> Vec<Problem> {
    let text = if source.is_rust() {
        &source.comments
    } else {
        &source.text
    };
    let unnumbered = |note: &'static str| {
        let at = words(text, note).filter(move |at| !has_issue(&text[at + note.len()..]));
        at.map(move |at| {
            problem(
                &source.path,
                line_of(text, at),
                format!("{note} without an issue: `{note}(#12)`"),
            )
        })
    };
    NOTES.into_iter().flat_map(unnumbered).collect()
}

fn has_issue(rest: &str) -> bool {
    let number = rest.trim_start_matches([' ', '(']).strip_prefix('#');
    number.is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
}
