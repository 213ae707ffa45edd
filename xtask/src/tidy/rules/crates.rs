//! Crates depend downward only, and never on what their layer excludes.

use super::{Problem, Source, Tables, Tree, problem};

pub(super) fn check(tree: &Tree, tables: &Tables) -> Vec<Problem> {
    tree.sources
        .iter()
        .flat_map(|source| manifest(source, tables))
        .collect()
}

fn manifest(source: &Source, tables: &Tables) -> Vec<Problem> {
    let name = source
        .path
        .strip_prefix("crates/")
        .and_then(|rest| rest.strip_suffix("/Cargo.toml"));
    let Some(name) = name.filter(|name| !name.contains('/')) else {
        return Vec::new();
    };
    let Some(level) = tables.crates.iter().position(|entry| entry.name == name) else {
        return vec![problem(
            &source.path,
            0,
            "this crate has no place in the table of crates in xtask's tables.rs",
        )];
    };
    let (above, here) = (&tables.crates[..level], &tables.crates[level]);
    let verdict = |(line, dependency): (usize, &str)| {
        let is_above = above.iter().any(|entry| entry.name == dependency);
        let is_excluded = here
            .never
            .iter()
            .any(|pattern| matches(pattern, dependency));
        let message = format!("{name} must not depend on {dependency}");
        (is_above || is_excluded).then(|| problem(&source.path, line, message))
    };
    dependencies(&source.text)
        .into_iter()
        .filter_map(verdict)
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |prefix| name.starts_with(prefix))
}

/// The dependencies of a manifest, of whatever kind, under their own names, with their lines.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut in_section = false;
    let mut found = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            in_section = section.ends_with("dependencies");
            // `[dependencies.name]`
            let (kind, name) = section.rsplit_once('.').unwrap_or((section, ""));
            if kind.ends_with("dependencies") {
                found.push((index + 1, name));
            }
        } else if in_section && !line.starts_with('#') {
            let key = line.split(['.', '=', ' ']).next().unwrap_or(line);
            found.push((index + 1, key));
        }
        // A renamed dependency: `name = { package = "other" }`, or a line of its own.
        let package = line
            .split_once("package = \"")
            .and_then(|(_, rest)| rest.split_once('"'));
        found.extend(package.map(|(name, _)| (index + 1, name)));
    }
    found
}
