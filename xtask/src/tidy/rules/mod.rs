//! The rules, one file each.

mod crates;
mod layers;
mod marks;
mod pure;
mod size;
mod text;
mod unsafe_code;

use super::source::{Source, Tree, closed, line_of};
use super::tables::Tables;
use super::{Problem, paths, source};

/// Looks at the whole tree and says what is wrong.
pub(super) type Rule = fn(&Tree, &Tables) -> Vec<Problem>;

pub(super) const RULES: [Rule; 7] = [
    crates::check,
    layers::check,
    marks::check,
    pure::check,
    size::check,
    text::check,
    unsafe_code::check,
];

/// A problem on one line, or with `line` 0 in the whole file.
fn problem(path: &str, line: usize, message: impl Into<String>) -> Problem {
    Problem {
        path: path.to_owned(),
        line,
        message: message.into(),
    }
}

/// An attribute, `#[...]` or `#![...]`: its line, and what stands in its brackets.
struct Attribute<'a> {
    line: usize,
    body: &'a str,
}

/// The attributes in `code`.
fn attributes(code: &str) -> impl Iterator<Item = Attribute<'_>> {
    code.match_indices('#').filter_map(|(at, _)| {
        let rest = &code[at + 1..];
        let open = at + 1 + usize::from(rest.starts_with('!'));
        let body = code[open..]
            .starts_with('[')
            .then(|| &code[open + 1..closed(code, open)])?;
        Some(Attribute {
            line: line_of(code, at),
            body,
        })
    })
}
