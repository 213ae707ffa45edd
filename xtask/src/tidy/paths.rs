//! The paths in a piece of code: `a::b` wherever it stands, and every leaf of a `use`.

use super::lexer::is_word;

#[cfg(test)]
mod tests;

/// A path in code, and the line it ends on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CodePath<'a> {
    pub(super) line: usize,
    pub(super) segments: Vec<&'a str>,
}

#[derive(Clone, Copy)]
struct Token<'a> {
    line: usize,
    text: &'a str,
}

/// The paths of `code`, from which comments and literals were taken out.
pub(super) fn paths(code: &str) -> Vec<CodePath<'_>> {
    let mut reader = Reader {
        tokens: tokens(code),
        at: 0,
        found: Vec::new(),
    };
    while let Some(text) = reader.peek() {
        if text == "use" {
            reader.at += 1;
            reader.use_tree(&[]);
        } else if text.bytes().all(is_word) {
            reader.plain_path();
        } else {
            reader.at += 1;
        }
    }
    reader.found
}

/// Words, `::`, and single characters.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (index, mut rest) in code.lines().enumerate() {
        while !rest.is_empty() {
            let word = rest.bytes().take_while(|&byte| is_word(byte)).count();
            let count = if word > 0 {
                word
            } else if rest.starts_with("::") {
                2
            } else {
                1
            };
            let (text, tail) = rest.split_at(count);
            if !text.trim().is_empty() {
                tokens.push(Token {
                    line: index + 1,
                    text,
                });
            }
            rest = tail;
        }
    }
    tokens
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    found: Vec<CodePath<'a>>,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|token| token.text)
    }

    fn take(&mut self, text: &str) -> bool {
        let is_next = self.peek() == Some(text);
        self.at += usize::from(is_next);
        is_next
    }

    /// `a::b::c`, at its first word. A single word is no path.
    fn plain_path(&mut self) {
        let mut segments = Vec::new();
        let line = self.tokens[self.at].line;
        while let Some(word) = self.peek().filter(|text| text.bytes().all(is_word)) {
            segments.push(word);
            self.at += 1;
            if !self.take("::") {
                break;
            }
        }
        if segments.len() > 1 {
            self.found.push(CodePath { line, segments });
        }
    }

    /// What follows `use`, or stands between the braces of a use.
    fn use_tree(&mut self, prefix: &[&'a str]) {
        let mut segments = prefix.to_vec();
        self.take("::");
        while let Some(text) = self.peek() {
            let line = self.tokens[self.at].line;
            if text == "{" {
                self.at += 1;
                while self.peek().is_some() && !self.take("}") {
                    let before = self.at;
                    self.use_tree(&segments);
                    self.take(",");
                    // Whatever this is, it is no use tree: never stand still.
                    self.at += usize::from(self.at == before);
                }
                return;
            }
            if text != "*" && !text.bytes().all(is_word) {
                return;
            }
            self.at += 1;
            if text != "*" && (text != "self" || segments.is_empty()) {
                segments.push(text);
            }
            if self.take("::") {
                continue;
            }
            if self.take("as") {
                self.at += 1;
            }
            self.found.push(CodePath { line, segments });
            return;
        }
    }
}
