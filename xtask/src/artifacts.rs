//! What `cargo test --no-run --message-format=json` says it built.

use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// One program that cargo built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// The program itself.
    pub(crate) executable: PathBuf,
    /// The folder of the package it was built from.
    pub(crate) package_dir: PathBuf,
    /// Whether it holds tests; otherwise it is a program that tests may start.
    pub(crate) is_test: bool,
}

/// The programs named in cargo's messages, one JSON object on each line.
pub(crate) fn parse(messages: &str) -> Vec<Artifact> {
    messages
        .lines()
        .filter(|line| line.contains(r#""reason":"compiler-artifact""#))
        .filter_map(artifact)
        .collect()
}

fn artifact(line: &str) -> Option<Artifact> {
    let executable = PathBuf::from(string_field(line, "executable")?);
    let package_dir = Path::new(&string_field(line, "manifest_path")?)
        .parent()?
        .to_path_buf();
    // The target has a field `test` too, which only says that it could be tested.
    let (_, profile) = line.split_once(r#""profile":{"#)?;
    let (profile, _) = profile.split_once('}')?;
    Some(Artifact {
        executable,
        package_dir,
        is_test: profile.contains(r#""test":true"#),
    })
}

/// The value of the first field called `name`, if it is a string.
fn string_field(line: &str, name: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!(r#""{name}":""#))?;
    let mut value = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return Some(value),
            // In a path only the quote and the backslash are escaped.
            '\\' => value.push(characters.next()?),
            other => value.push(other),
        }
    }
}
