//! Size, marks of unfinished work, white space, machine paths.

use super::{assert_starts, problems};

#[test]
fn a_file_has_500_lines_at_most() {
    assert_eq!(problems(&[("x/a.rs", &"\n".repeat(500))]), [""; 0]);
    assert_starts(
        &problems(&[("x/a.rs", &"\n".repeat(501))]),
        &["x/a.rs: 501 lines, at most 500"],
    );
    assert_eq!(problems(&[("x/a.md", &"\n".repeat(501))]), [""; 0]);
}

#[test]
fn an_example_stays_under_150_lines() {
    assert_eq!(problems(&[("examples/a.rs", &"\n".repeat(149))]), [""; 0]);
    assert_starts(
        &problems(&[("examples/a.rs", &"\n".repeat(150))]),
        &["examples/a.rs: 150 lines"],
    );
    assert_eq!(
        problems(&[("examples/src/lib.rs", &"\n".repeat(150))]),
        [""; 0]
    );
}

#[test]
fn a_lint_is_not_allowed_without_a_reason() {
    let text = "#![allow(dead_code)]\n#[cfg_attr(test, allow(\n    unused\n))]\nfn f() {}\n";
    assert_starts(
        &problems(&[("x/a.rs", text)]),
        &["x/a.rs:1: a lint is allowed", "x/a.rs:2: a lint is allowed"],
    );
    let text =
        "#[allow(\n    dead_code,\n    reason = \"r\"\n)]\n#[expect(unused)]\nfn allow(a: u8) {}\n";
    assert_eq!(problems(&[("x/a.rs", text)]), [""; 0]);
}

#[test]
fn a_test_is_not_ignored() {
    let text = "#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"r\"]\nfn b() {}\n";
    assert_starts(
        &problems(&[("x/tests/a.rs", text)]),
        &[
            "x/tests/a.rs:2: an ignored test",
            "x/tests/a.rs:4: an ignored test",
        ],
    );
}

#[test]
fn macros_for_work_in_progress_are_found() {
    let text =
        "fn f() {\n    todo!();\n    dbg!(1);\n    unimplemented!()\n}\n// todo!()\nfn todo() {}\n";
    assert_starts(
        &problems(&[("x/a.rs", text)]),
        &[
            "x/a.rs:2: `todo!`",
            "x/a.rs:3: `dbg!`",
            "x/a.rs:4: `unimplemented!`",
        ],
    );
}

#[test]
fn notes_name_their_issue() {
    let text =
        "// TODO: a\n/* FIXME */\nconst TODO: &str = \"TODO\";\n// TODO(#12): b, FIXME #3, XXX\n";
    let expected = [
        "x/a.rs:1: TODO without",
        "x/a.rs:2: FIXME without",
        "x/a.rs:4: XXX without",
    ];
    assert_starts(&problems(&[("x/a.rs", text)]), &expected);
    assert_starts(
        &problems(&[("x/a.toml", "# TODO\n# TODOS\n")]),
        &["x/a.toml:1: TODO without"],
    );
}

#[test]
fn lines_end_without_white_space() {
    let text = "a \n\tb\nc\t\nd\r\n";
    assert_starts(
        &problems(&[("x/a.md", text)]),
        &["x/a.md:1: white", "x/a.md:3: white", "x/a.md:4: white"],
    );
    assert_starts(&problems(&[("x/a.md", "a")]), &["x/a.md: the last line"]);
    assert_eq!(problems(&[("x/a.md", "")]), [""; 0]);
}

#[test]
fn no_path_of_one_machine_is_named() {
    let text =
        "// see /work/notes\nconst A: &str = \"/tmp/a\";\nconst B: &str = \"x/tmp/b ../root/c\";\n";
    assert_starts(
        &problems(&[("x/a.rs", text)]),
        &[
            "x/a.rs:1: a path of one machine",
            "x/a.rs:2: a path of one machine",
        ],
    );
    assert_starts(
        &problems(&[(".ci/run", "cd /root/x\n")]),
        &[".ci/run:1: a path of one machine"],
    );
    assert_eq!(problems(&[("x/tests/a.rs", text)]), [""; 0]);
    assert_eq!(
        problems(&[(
            "x/a.rs",
            "#[cfg(test)]\nmod tests {\n    const A: &str = \"/tmp/a\";\n}\n"
        )]),
        [""; 0]
    );
}
