//! Files that fit into a head, examples that fit onto a few screens. Functions are clippy's.

use super::{Problem, Tables, Tree, problem};

const LINES_MAX: usize = 500;
const EXAMPLE_LINES_MAX: usize = 149;

pub(super) fn check(tree: &Tree, _: &Tables) -> Vec<Problem> {
    let mut problems = Vec::new();
    for source in tree.rust() {
        let is_example = source
            .path
            .strip_prefix("examples/")
            .is_some_and(|rest| !rest.contains('/'));
        let max = if is_example {
            EXAMPLE_LINES_MAX
        } else {
            LINES_MAX
        };
        let count = source.text.lines().count();
        if count > max {
            problems.push(problem(
                &source.path,
                0,
                format!("{count} lines, at most {max}: split it"),
            ));
        }
    }
    problems
}
