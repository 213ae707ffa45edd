//! No white space at line ends, and no path that exists on one machine only.

use super::{Problem, Source, Tables, Tree, problem};

/// Put together here so that this file does not name them itself.
const MACHINE_FOLDERS: [&str; 5] = [
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/", "tmp/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
];

pub(super) fn check(tree: &Tree, _: &Tables) -> Vec<Problem> {
    let in_file = |source: &Source| [white_space(source), machine_paths(source)].concat();
    tree.sources.iter().flat_map(in_file).collect()
}

fn white_space(source: &Source) -> Vec<Problem> {
    let is_bad = |line: &&str| line.trim_end_matches('\n').ends_with([' ', '\t', '\r']);
    let lines = source
        .text
        .split_inclusive('\n')
        .enumerate()
        .filter(|(_, line)| is_bad(line));
    let mut problems: Vec<Problem> = lines
        .map(|(index, _)| {
            problem(
                &source.path,
                index + 1,
                "white space at the end of the line",
            )
        })
        .collect();
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        problems.push(problem(&source.path, 0, "the last line does not end"));
    }
    problems
}

fn machine_paths(source: &Source) -> Vec<Problem> {
    if source.is_test() {
        return Vec::new();
    }
    let lines = source.shipped_text.lines().enumerate();
    let named = lines.filter(|(_, line)| MACHINE_FOLDERS.iter().any(|folder| names(line, folder)));
    named
        .map(|(index, _)| problem(&source.path, index + 1, "a path of one machine"))
        .collect()
}

/// Whether `folder` stands in `line` as the start of a path, not in the middle of one.
fn names(line: &str, folder: &str) -> bool {
    let is_inside = |before: char| before.is_alphanumeric() || "._-/}~*".contains(before);
    line.match_indices(folder)
        .any(|(at, _)| !line[..at].ends_with(is_inside))
}
