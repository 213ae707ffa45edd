//! Pure files do no I/O and use only pure files: what decides can be tested without a kernel.

use std::collections::BTreeSet;

use super::layers::absolute;
use super::paths::paths;
use super::{Problem, Source, Tables, Tree, problem};

/// Crates and modules of std through which a program meets the outside world.
const IMPURE: [&str; 12] = [
    "io_uring",
    "libc",
    "mio",
    "rustix",
    "socket2",
    "std::env",
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "tokio",
];

pub(super) fn check(tree: &Tree, tables: &Tables) -> Vec<Problem> {
    let stale = tables
        .pure_files
        .iter()
        .filter(|path| tree.get(path).is_none());
    let stale =
        stale.map(|path| problem(path, 0, "in the table of pure files, but not in the tree"));
    let listed = tables.pure_files.iter().filter_map(|path| tree.get(path));
    stale
        .chain(listed.flat_map(|source| check_file(source, tree, tables)))
        .collect()
}

fn check_file(source: &Source, tree: &Tree, tables: &Tables) -> Vec<Problem> {
    let Some((root, file)) = source.path.split_once("src/") else {
        return Vec::new();
    };
    let module = file
        .trim_end_matches(".rs")
        .trim_end_matches("/mod")
        .replace('/', "::");
    let verdict = |line: usize, segments: &[&str]| {
        let path = segments.join("::");
        if IMPURE.iter().any(|impure| is_below(&path, impure)) {
            return Some(problem(
                &source.path,
                line,
                format!("a pure file may not use `{path}`"),
            ));
        }
        let target = absolute(&module, segments, &BTreeSet::new())?;
        let used = file_of(tree, root, &target).filter(|used| used.path != source.path)?;
        let is_pure = tables.pure_files.contains(&used.path.as_str());
        let message = || {
            format!(
                "a pure file may not use {}, which is not in the table of pure files",
                used.path
            )
        };
        (!is_pure).then(|| problem(&source.path, line, message()))
    };
    paths(&source.shipped_code)
        .iter()
        .filter_map(|path| verdict(path.line, &path.segments))
        .collect()
}

fn is_below(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The file of the module that an absolute path leads to or through.
fn file_of<'a>(tree: &'a Tree, root: &str, target: &str) -> Option<&'a Source> {
    let mut module = target;
    loop {
        let path = format!("{root}src/{}", module.replace("::", "/"));
        if let Some(source) = tree
            .get(&format!("{path}.rs"))
            .or_else(|| tree.get(&format!("{path}/mod.rs")))
        {
            return Some(source);
        }
        (module, _) = module.rsplit_once("::")?;
    }
}
