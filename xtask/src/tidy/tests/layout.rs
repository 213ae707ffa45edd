//! What may use what, and where `unsafe` may stand.

use super::{EMPTY, Tables, assert_starts, problems, problems_with};

#[test]
fn a_crate_depends_downward_only() {
    let up = "[dependencies]\ntop.workspace = true\n";
    assert_starts(
        &problems(&[("crates/base/Cargo.toml", up)]),
        &["crates/base/Cargo.toml:2: base must not depend on top"],
    );
    let down = "[dependencies]\nbase = { path = \"../base\" }\n";
    assert_eq!(problems(&[("crates/top/Cargo.toml", down)]), [""; 0]);
}

#[test]
fn excluded_packages_are_found_in_every_kind_of_dependency() {
    for text in [
        "[dependencies]\ntokio = \"1\"\n",
        "[dev-dependencies]\ntokio-util.workspace = true\n",
        "[target.'cfg(unix)'.build-dependencies]\ntokio={version=\"1\"}\n",
        "[package]\n[dependencies.tokio]\nversion = \"1\"\n",
        "[dependencies]\nother = { package = \"tokio\", version = \"1\" }\n",
    ] {
        let found = problems(&[("crates/base/Cargo.toml", text)]);
        assert!(
            found.len() == 1 && found[0].contains("base must not depend on tokio"),
            "{text}: {found:?}"
        );
    }
    let harmless = "[package]\nname = \"tokio\"\n[dependencies]\n# tokio = \"1\"\nlibc = \"0.2\"\n[features]\ntokio = []\n";
    assert_eq!(problems(&[("crates/base/Cargo.toml", harmless)]), [""; 0]);
}

#[test]
fn a_crate_without_a_place_is_reported() {
    assert_starts(
        &problems(&[("crates/new/Cargo.toml", "[package]\n")]),
        &["crates/new/Cargo.toml: this crate has no place"],
    );
}

const LIB: &str = "//! Docs.\n\n// layers: from the top\n//   a, b  - peers may use each other\n//   c::d\n//   c\npub mod a;\n";

/// A crate with the layers of `LIB` in which one file reads `text`.
fn crate_with(path: &str, text: &str) -> Vec<String> {
    let paths = [
        "crates/x/src/a.rs",
        "crates/x/src/b.rs",
        "crates/x/src/c/mod.rs",
        "crates/x/src/c/d.rs",
        "crates/x/src/c/e.rs",
    ];
    let mut files = vec![("crates/x/src/lib.rs", LIB)];
    files.extend(
        paths
            .into_iter()
            .filter(|known| *known != path)
            .map(|path| (path, "")),
    );
    files.push((path, text));
    problems(&files)
}

#[test]
fn a_module_uses_its_own_line_and_lines_below() {
    let text = "use crate::b::B;\nuse crate::{c::{self, d::D}, b};\nuse std::io;\nfn f() { crate::c::f() }\n";
    assert_eq!(crate_with("crates/x/src/a.rs", text), [""; 0]);
}

#[test]
fn a_module_does_not_use_what_stands_above_it() {
    let text = "use std::io;\nuse crate::{c::e, a::A};\nfn f() { super::super::b::f() }\n";
    let expected = [
        "crates/x/src/c/d.rs:2: `c::d` may not use `a`",
        "crates/x/src/c/d.rs:3: `c::d` may not use `b`",
    ];
    assert_starts(&crate_with("crates/x/src/c/d.rs", text), &expected);
}

#[test]
fn a_module_with_a_line_of_its_own_is_apart_from_its_parent() {
    let found = crate_with("crates/x/src/c/mod.rs", "mod d;\npub use d::D;\n");
    assert_starts(&found, &["crates/x/src/c/mod.rs:2: `c` may not use `c::d`"]);
    let found = crate_with("crates/x/src/c/e.rs", "use super::d::D;\n");
    assert_starts(&found, &["crates/x/src/c/e.rs:1: `c` may not use `c::d`"]);
}

#[test]
fn the_crates_root_hides_a_dependency() {
    let found = crate_with("crates/x/src/b.rs", "use crate::Thing;\nuse super::*;\n");
    assert_starts(
        &found,
        &[
            "crates/x/src/b.rs:1: `crate::Thing` goes",
            "crates/x/src/b.rs:2: `crate::` goes",
        ],
    );
}

#[test]
fn tests_and_docs_may_use_everything() {
    let text = "//! See [`crate::a`].\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n#[cfg(test)]\nuse crate::a;\n";
    assert_eq!(crate_with("crates/x/src/c/e.rs", text), [""; 0]);
    assert_eq!(
        crate_with("crates/x/src/c/tests.rs", "use crate::a::A;\n"),
        [""; 0]
    );
}

#[test]
fn the_list_of_layers_is_there_and_complete() {
    let files = [
        ("crates/x/src/lib.rs", "pub mod a;\n"),
        ("crates/x/src/a.rs", ""),
    ];
    assert_starts(
        &problems(&files),
        &["crates/x/src/lib.rs: this file needs a `// layers:` list, top layer first, of: a"],
    );
    let files = [
        ("crates/x/src/lib.rs", "// layers:\n// gone\n"),
        ("crates/x/src/a.rs", ""),
    ];
    let expected = [
        "crates/x/src/a.rs: `a` is missing",
        "crates/x/src/lib.rs: `// layers:` lists `gone`",
    ];
    assert_starts(&problems(&files), &expected);
    assert_eq!(
        problems(&[("crates/x/src/lib.rs", "//! One file needs no layers.\n")]),
        [""; 0]
    );
}

const PURE: Tables = Tables {
    pure_files: &["crates/x/src/a.rs", "crates/x/src/b.rs"],
    ..EMPTY
};

/// What is said about the pure file `a` beside the pure `b` and the impure `c`.
fn pure(text: &str) -> Vec<String> {
    let lib = "// layers:\n// a b c\n";
    let files = [
        ("crates/x/src/lib.rs", lib),
        ("crates/x/src/b.rs", ""),
        ("crates/x/src/c/mod.rs", "use libc::c_int;\n"),
    ];
    problems_with(&[&files[..], &[("crates/x/src/a.rs", text)]].concat(), PURE)
}

#[test]
fn a_pure_file_does_no_io() {
    for text in [
        "use std::{mem, net::TcpStream};\n",
        "use tokio::sync::Notify;\n",
        "fn f() { let _ = std::fs::read(\"x\"); }\n",
        "fn f() -> i32 { libc::ENOENT }\n",
        "use io_uring as ring;\n",
        "use rustix::{fd, io};\n",
    ] {
        let found = pure(text);
        assert!(
            !found.is_empty()
                && found
                    .iter()
                    .all(|problem| problem.contains("a pure file may not use")),
            "{text}: {found:?}"
        );
    }
    let text =
        "use std::{io, mem};\nuse crate::b::B;\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert_eq!(pure(text), [""; 0]);
}

#[test]
fn a_pure_file_uses_only_pure_files() {
    assert_starts(
        &pure("use crate::c::C;\n"),
        &["crates/x/src/a.rs:1: a pure file may not use crates/x/src/c/mod.rs"],
    );
}

#[test]
fn the_table_of_pure_files_is_not_stale() {
    let found = problems_with(&[], PURE);
    assert_starts(
        &found,
        &[
            "crates/x/src/a.rs: in the table of pure",
            "crates/x/src/b.rs: in the table of pure",
        ],
    );
}

const UNSAFE: Tables = Tables {
    unsafe_files: &["x/a.rs", "x/b.rs"],
    ..EMPTY
};
const WHOLE: &str =
    "#![expect(\n    unsafe_code,\n    reason = \"r\"\n)]\nfn f() { unsafe { g() } }\n";
const ITEM: &str = "#[expect(unsafe_code, reason = \"r\")]\nunsafe fn f() {}\n";

#[test]
fn unsafe_stands_in_listed_files_only() {
    let found = |text| {
        problems_with(
            &[("x/a.rs", WHOLE), ("x/b.rs", ITEM), ("x/c.rs", text)],
            UNSAFE,
        )
    };
    assert_starts(
        &found("fn f() {\n    unsafe { g() }\n}\n"),
        &["x/c.rs:2: `unsafe` in a file that is not in the table"],
    );
    assert_eq!(
        found("#![forbid(unsafe_code)]\n// unsafe\nconst S: &str = \"unsafe\";\n"),
        [""; 0]
    );
}

#[test]
fn a_listed_file_says_why_it_is_unsafe() {
    let files = [
        ("x/a.rs", "#![expect(unsafe_code)]\nunsafe fn f() {}\n"),
        (
            "x/b.rs",
            "#[expect(lint, reason = \"r\")]\nunsafe fn f() {}\n",
        ),
    ];
    assert_starts(
        &problems_with(&files, UNSAFE),
        &[
            "x/a.rs:2: `unsafe` without `#![expect",
            "x/b.rs:2: `unsafe` without",
        ],
    );
}

#[test]
fn the_table_of_unsafe_files_is_not_stale() {
    let found = problems_with(&[("x/a.rs", "fn f() {}\n")], UNSAFE);
    assert_starts(
        &found,
        &[
            "x/a.rs: in the table of unsafe files, but it has no",
            "x/b.rs: in the table of unsafe files, but not in",
        ],
    );
}
