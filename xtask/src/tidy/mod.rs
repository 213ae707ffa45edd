//! The house rules that rustc, clippy and rustfmt do not know.
//!
//! Each rule is a function from the whole tree to problems, in a file of its own below `rules/`.
//! What is allowed where stands in `tables.rs`, and in the `// layers:` list of each crate.

mod lexer;
mod paths;
mod rules;
mod source;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use self::rules::RULES;
use self::source::Tree;
use self::tables::{TABLES, Tables};

/// One violation, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    /// Counted from 1; 0 stands for the file as a whole.
    line: usize,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            path,
            line,
            message,
        } = self;
        if *line == 0 {
            write!(f, "{path}: {message}")
        } else {
            write!(f, "{path}:{line}: {message}")
        }
    }
}

/// Checks the files of the workspace at `root`.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root).map_err(|error| format!("reading {}: {error}", root.display()))?;
    let problems = check(&tree, &TABLES);
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => Err(format!(
            "{count} violations of the house rules; CONTRIBUTING.md explains them"
        )),
    }
}

fn check(tree: &Tree, tables: &Tables) -> Vec<Problem> {
    let mut problems: Vec<Problem> = RULES.iter().flat_map(|rule| rule(tree, tables)).collect();
    problems.sort();
    problems
}
