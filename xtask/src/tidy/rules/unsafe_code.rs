//! `unsafe` stands in few files, all of them in one table, each with its reason.

use super::source::words;
use super::{Attribute, Problem, Source, Tables, Tree, attributes, line_of, problem};

pub(super) fn check(tree: &Tree, tables: &Tables) -> Vec<Problem> {
    let stale = tables
        .unsafe_files
        .iter()
        .filter(|path| tree.get(path).is_none());
    let stale =
        stale.map(|path| problem(path, 0, "in the table of unsafe files, but not in the tree"));
    stale
        .chain(tree.rust().filter_map(|source| check_file(source, tables)))
        .collect()
}

fn check_file(source: &Source, tables: &Tables) -> Option<Problem> {
    let is_listed = tables.unsafe_files.contains(&source.path.as_str());
    let first = words(&source.code, "unsafe").next();
    let message = match first {
        Some(_) if !is_listed => {
            "`unsafe` in a file that is not in the table of unsafe files in xtask's tables.rs"
        }
        Some(_) if !attributes(&source.code).any(|attribute| expects_unsafe(&attribute)) => {
            "`unsafe` without `#![expect(unsafe_code, reason = \"...\")]`"
        }
        None if is_listed => "in the table of unsafe files, but it has no `unsafe`",
        Some(_) | None => return None,
    };
    Some(problem(
        &source.path,
        first.map_or(0, |at| line_of(&source.code, at)),
        message,
    ))
}

fn expects_unsafe(attribute: &Attribute<'_>) -> bool {
    ["expect", "unsafe_code", "reason"]
        .into_iter()
        .all(|word| words(attribute.body, word).next().is_some())
}
