//! The files that the rules look at, each in the views that they need.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::lexer::{Class, classify, only};

/// Folders whose name starts with a dot are left out, but for these.
const DOT_FOLDERS: [&str; 4] = [".cargo", ".ci", ".config", ".github"];
const EXTENSIONS: [&str; 6] = ["md", "rs", "sh", "toml", "yaml", "yml"];

/// One file. The views have the lines of `text`; for all but Rust files they are empty.
#[derive(Debug)]
pub(super) struct Source {
    /// From the root of the workspace, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// Without comments and literals.
    pub(super) code: String,
    /// Only the comments.
    pub(super) comments: String,
    /// The code without the items that only tests have.
    pub(super) shipped_code: String,
    /// The text without the items that only tests have.
    pub(super) shipped_text: String,
}

impl Source {
    pub(super) fn new(path: String, text: String) -> Source {
        let mut source = Source {
            shipped_text: text.clone(),
            code: String::new(),
            comments: String::new(),
            shipped_code: String::new(),
            path,
            text,
        };
        if source.is_rust() {
            let classes = classify(&source.text);
            source.code = only(&source.text, &classes, Class::Code);
            source.comments = only(&source.text, &classes, Class::Comment);
            let test_items = test_items(&source.code);
            source.shipped_code = without(&source.code, &test_items);
            source.shipped_text = without(&source.text, &test_items);
        }
        source
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the whole file is there for tests only.
    pub(super) fn is_test(&self) -> bool {
        let below_tests = self.path.starts_with("tests/") || self.path.contains("/tests/");
        below_tests || self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs")
    }
}

/// All files of the workspace that the rules are about.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) sources: Vec<Source>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> io::Result<Tree> {
        let mut sources = Vec::new();
        collect(root, "", &mut sources)?;
        Ok(Tree { sources })
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.is_rust())
    }

    pub(super) fn get(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }
}

fn collect(folder: &Path, prefix: &str, sources: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let is_hidden = name.starts_with('.') && !DOT_FOLDERS.contains(&name.as_str());
            if name != "target" && !is_hidden {
                collect(&entry.path(), &format!("{path}/"), sources)?;
            }
        } else if kind.is_file() && is_wanted(&path, &name) {
            sources.push(Source::new(path, fs::read_to_string(entry.path())?));
        }
    }
    Ok(())
}

fn is_wanted(path: &str, name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    path.starts_with(".ci/") || EXTENSIONS.contains(&extension)
}

/// The line of a byte offset, counted from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
}

/// Where `word` stands in `code` as a whole word.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|&byte| super::lexer::is_word(byte));
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            !is_word(before) && !is_word(bytes.get(at + word.len()))
        })
}

/// The offset behind the bracket that closes the one at `open`.
pub(super) fn closed(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// The items under `#[cfg(test)]`, attribute included.
fn test_items(code: &str) -> Vec<Range<usize>> {
    const MARK: &str = "#[cfg(test)]";
    let item = |(start, _)| {
        let body = start + MARK.len();
        let end = code[body..]
            .find([';', '{'])
            .map_or(code.len(), |at| closed_item(code, body + at));
        start..end
    };
    code.match_indices(MARK).map(item).collect()
}

fn closed_item(code: &str, at: usize) -> usize {
    if code.as_bytes()[at] == b'{' {
        closed(code, at)
    } else {
        at + 1
    }
}

fn without(text: &str, ranges: &[Range<usize>]) -> String {
    let is_cut = |at: usize| ranges.iter().any(|range| range.contains(&at));
    let keep = |(at, byte)| {
        if byte != b'\n' && is_cut(at) {
            b' '
        } else {
            byte
        }
    };
    let bytes: Vec<u8> = text.bytes().enumerate().map(keep).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
