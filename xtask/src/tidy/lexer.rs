//! Tells Rust's code from its comments and literals: as much of a lexer as the rules need.

#[cfg(test)]
mod tests;

/// What a byte of a Rust file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Code,
    Comment,
    /// A string, byte string or character, quotes included.
    Literal,
}

/// The class of every byte of `text`.
pub(super) fn classify(text: &str) -> Vec<Class> {
    let bytes = text.as_bytes();
    let mut classes = Vec::with_capacity(bytes.len());
    while classes.len() < bytes.len() {
        let (class, count) = token(&bytes[classes.len()..]);
        classes.resize(classes.len() + count, class);
    }
    classes
}

/// `text` with every byte that is not `wanted` turned into a space; lines and offsets stay.
pub(super) fn only(text: &str, classes: &[Class], wanted: Class) -> String {
    let keep = |byte: u8, class: Class| {
        if class == wanted || byte == b'\n' {
            byte
        } else {
            b' '
        }
    };
    let bytes: Vec<u8> = text
        .bytes()
        .zip(classes)
        .map(|(byte, &class)| keep(byte, class))
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The class and the length of the token that `rest` starts with.
fn token(rest: &[u8]) -> (Class, usize) {
    if rest.starts_with(b"//") {
        return (Class::Comment, line_comment(rest));
    }
    if rest.starts_with(b"/*") {
        return (Class::Comment, block_comment(rest));
    }
    if let Some(count) = raw_string(rest) {
        return (Class::Literal, count);
    }
    match rest[0] {
        b'"' => (Class::Literal, quoted(rest)),
        b'\'' => character(rest).map_or((Class::Code, 1), |count| (Class::Literal, count)),
        byte if is_word(byte) => (
            Class::Code,
            rest.iter().take_while(|&&byte| is_word(byte)).count(),
        ),
        _ => (Class::Code, 1),
    }
}

pub(super) fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn line_comment(rest: &[u8]) -> usize {
    rest.iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// `r"..."`, `r#"..."#` and so on, also with `b` or `c` before the `r`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = match rest {
        [b'r', ..] => 1,
        [b'b' | b'c', b'r', ..] => 2,
        _ => return None,
    };
    let hashes = rest[prefix..]
        .iter()
        .take_while(|&&byte| byte == b'#')
        .count();
    let body = prefix + hashes + 1;
    if rest.get(body - 1) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let length = rest[body..]
        .windows(end.len())
        .position(|window| window == end);
    Some(length.map_or(rest.len(), |length| body + length + end.len()))
}

fn quoted(rest: &[u8]) -> usize {
    let quote = rest[0];
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal; `None` where the quote starts a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'\\' => Some(quoted(rest)),
        first => {
            // A character is one to four bytes long; its first byte tells.
            let count = match first {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xff => 4,
            };
            (rest.get(1 + count) == Some(&b'\'')).then_some(count + 2)
        }
    }
}
