//! In a crate, a module uses only modules of its own line or of lines below, as its lib.rs lists them:
//!
//! ```text
//! // layers: from the top down
//! //   ops            - the safe way in
//! //   ring, setup    - modules on one line may use each other
//! //   token
//! ```
//!
//! An entry covers the modules inside it, unless they have an entry of their own.

use std::collections::BTreeSet;

use super::paths::paths;
use super::{Problem, Source, Tables, Tree, problem};

pub(super) fn check(tree: &Tree, _: &Tables) -> Vec<Problem> {
    let libs = tree
        .rust()
        .filter_map(|source| source.path.strip_suffix("src/lib.rs"));
    libs.filter(|root| root.starts_with("crates/"))
        .flat_map(|root| check_crate(tree, root))
        .collect()
}

fn check_crate(tree: &Tree, root: &str) -> Vec<Problem> {
    let library = format!("{root}src/lib.rs");
    let files = module_files(tree, root);
    let modules: BTreeSet<String> = files.iter().map(|(module, _)| module.clone()).collect();
    let Some(text) = tree
        .get(&library)
        .map(|source| source.text.as_str())
        .filter(|_| !modules.is_empty())
    else {
        return Vec::new();
    };
    let Some(layers) = Layers::parse(text) else {
        let names: Vec<&str> = modules.iter().map(String::as_str).collect();
        let message = format!(
            "this file needs a `// layers:` list, top layer first, of: {}",
            names.join(", ")
        );
        return vec![problem(&library, 0, message)];
    };
    let stale = layers
        .entries
        .iter()
        .filter(|(_, name)| !modules.contains(name));
    let mut problems: Vec<Problem> = stale
        .map(|(_, name)| {
            problem(
                &library,
                0,
                format!("`// layers:` lists `{name}`, which is no module"),
            )
        })
        .collect();
    for (module, source) in files {
        match layers.find(&module) {
            Some(own) => problems.extend(upward_uses(source, &module, own, &layers, &modules)),
            None => {
                let message =
                    format!("`{module}` is missing in the `// layers:` list of {library}");
                problems.push(problem(&source.path, 0, message));
            }
        }
    }
    problems
}

/// The modules below a crate's root that ship, by name, `a::b`.
fn module_files<'a>(tree: &'a Tree, root: &str) -> Vec<(String, &'a Source)> {
    let named = |source: &'a Source| {
        let path = source
            .path
            .strip_prefix(root)?
            .strip_prefix("src/")?
            .strip_suffix(".rs")?;
        let module = path.strip_suffix("/mod").unwrap_or(path);
        let is_module = !matches!(module, "lib" | "main") && !module.starts_with("bin/");
        is_module.then(|| (module.replace('/', "::"), source))
    };
    tree.rust()
        .filter(|source| !source.is_test())
        .filter_map(named)
        .collect()
}

type Entry = (usize, String);

/// The list: each entry with the number of its line.
struct Layers {
    entries: Vec<Entry>,
}

impl Layers {
    fn parse(library: &str) -> Option<Layers> {
        let mut lines = library.lines().map(str::trim);
        lines.find(|line| line.starts_with("// layers:"))?;
        let mut entries = Vec::new();
        for (level, line) in lines.map_while(|line| line.strip_prefix("//")).enumerate() {
            let names = line.split(" - ").next().unwrap_or(line);
            let names = names.split([',', ' ']).filter(|name| !name.is_empty());
            entries.extend(names.map(|name| (level, name.to_owned())));
        }
        Some(Layers { entries })
    }

    /// The most exact entry that covers `module`, an absolute path of a module or of something in it.
    fn find(&self, module: &str) -> Option<&Entry> {
        let covers = |name: &str| {
            module
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        self.entries
            .iter()
            .filter(|(_, name)| covers(name))
            .max_by_key(|(_, name)| name.len())
    }
}

fn upward_uses(
    source: &Source,
    module: &str,
    own: &Entry,
    layers: &Layers,
    modules: &BTreeSet<String>,
) -> Vec<Problem> {
    let verdict = |line: usize, segments: &[&str]| {
        let target = absolute(module, segments, modules)?;
        match layers.find(&target) {
            Some(entry) if entry.0 >= own.0 => None,
            Some(entry) => {
                let message = format!(
                    "`{}` may not use `{}`, which is above it in the `// layers:` list",
                    own.1, entry.1
                );
                Some(problem(&source.path, line, message))
            }
            None => {
                let message = format!(
                    "`crate::{target}` goes through the crate's root: name the module that has it"
                );
                Some(problem(&source.path, line, message))
            }
        }
    };
    paths(&source.shipped_code)
        .iter()
        .filter_map(|path| verdict(path.line, &path.segments))
        .collect()
}

/// The path from the crate's root; `None` for a path that leads out of the crate.
pub(super) fn absolute(
    module: &str,
    segments: &[&str],
    modules: &BTreeSet<String>,
) -> Option<String> {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut rest = segments;
    match *segments.first()? {
        "crate" => {
            base.clear();
            rest = &rest[1..];
        }
        "self" => rest = &rest[1..],
        "super" => {
            while let Some(tail) = rest.strip_prefix(&["super"]) {
                base.pop();
                rest = tail;
            }
        }
        first if modules.contains(&format!("{module}::{first}")) => {}
        _ => return None,
    }
    base.extend(rest);
    Some(base.join("::"))
}
