use super::paths;

fn found(code: &str) -> Vec<String> {
    paths(code)
        .into_iter()
        .map(|path| format!("{}:{}", path.line, path.segments.join("::")))
        .collect()
}

#[test]
fn every_leaf_of_a_use_is_a_path() {
    let code = "pub(crate) use a::{self, b::{C, d::*}, e as f};\nuse ::g;\nuse self::h as i;";
    assert_eq!(
        found(code),
        [
            "1:a",
            "1:a::b::C",
            "1:a::b::d",
            "1:a::e",
            "2:g",
            "3:self::h"
        ]
    );
}

#[test]
fn paths_in_code_are_found_without_their_generics() {
    let code = "fn f() -> io::Result<()> {\n  crate::a::b::<u8>(x.y, <T as super::C>::d)\n}";
    assert_eq!(found(code), ["1:io::Result", "2:crate::a::b", "2:super::C"]);
}

#[test]
fn words_alone_are_no_paths() {
    assert_eq!(found("let a = b; impl A + use<'a, B>"), [] as [&str; 0]);
}

#[test]
fn broken_code_ends_with_the_file() {
    for code in ["use a::{", "use a::{b, ;", "use", "use a::", "a::"] {
        let _ = found(code);
    }
}
