//! Every test goes through [`super::check`], so that a rule taken off the list fails here.

mod layout;
mod wording;

use super::source::{Source, Tree};
use super::tables::{Crate, TABLES, Tables};

const CRATES: &[Crate] = &[
    Crate {
        name: "top",
        never: &[],
    },
    Crate {
        name: "base",
        never: &["tokio*"],
    },
];
const EMPTY: Tables = Tables {
    crates: CRATES,
    unsafe_files: &[],
    pure_files: &[],
};

/// What the rules say about a tree of these files.
fn problems_with(files: &[(&str, &str)], tables: Tables) -> Vec<String> {
    let source = |(path, text): &(&str, &str)| Source::new((*path).to_owned(), (*text).to_owned());
    let tree = Tree {
        sources: files.iter().map(source).collect(),
    };
    super::check(&tree, &tables)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    problems_with(files, EMPTY)
}

/// Asserts that there is one problem for each of `starts`, in this order.
#[track_caller]
fn assert_starts(problems: &[String], starts: &[&str]) {
    let fits = problems.len() == starts.len()
        && problems
            .iter()
            .zip(starts)
            .all(|(problem, start)| problem.starts_with(start));
    assert!(fits, "found {problems:#?}\nexpected {starts:#?}");
}

#[test]
fn the_tables_name_each_file_once() {
    let all: Vec<&str> = TABLES
        .unsafe_files
        .iter()
        .chain(TABLES.pure_files)
        .copied()
        .collect();
    let once: std::collections::BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(
        all.len(),
        once.len(),
        "a file is listed twice, or both as pure and as unsafe"
    );
}
