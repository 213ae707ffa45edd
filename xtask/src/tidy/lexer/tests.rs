use super::{Class, classify, only};

/// The code of `text`, with one space for each stretch of something else.
fn code(text: &str) -> String {
    let code = only(text, &classify(text), Class::Code);
    assert_eq!(code.len(), text.len(), "offsets stay");
    assert_eq!(code.lines().count(), text.lines().count(), "lines stay");
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn comments_leave_the_code() {
    assert_eq!(code("a // b\nc /* d /* e */\n f */ g"), "a c g");
}

#[test]
fn literals_leave_the_code() {
    assert_eq!(code(r#"f("a \" // b") g"#), "f( ) g");
    assert_eq!(
        code(r##"f(r#"a " b"#, b'x', '\'', 'é', '"') g"##),
        "f( , b , , , ) g"
    );
    assert_eq!(code(r#"f(br"\", c"x") g"#), "f( , c ) g");
}

#[test]
fn lifetimes_and_raw_identifiers_are_code() {
    assert_eq!(
        code("fn r<'a>(r#type: &'a str)"),
        "fn r<'a>(r#type: &'a str)"
    );
    assert_eq!(code(r#"for"x" y"#), "for y");
}

#[test]
fn comments_are_found_beside_strings_that_look_like_them() {
    let text = "let a = \"// no\"; // yes";
    assert_eq!(only(text, &classify(text), Class::Comment).trim(), "// yes");
}

#[test]
fn an_unfinished_token_ends_with_the_file() {
    for text in ["\"a\\", "/* a", "r#\"a\"", "'", "b'"] {
        assert_eq!(classify(text).len(), text.len(), "{text}");
    }
}
