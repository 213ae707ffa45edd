use super::{Artifact, parse};

const LINES: &str = concat!(
    r#"{"reason":"build-script-executed","package_id":"x","out_dir":"/t/out"}"#,
    "\n",
    r#"{"reason":"compiler-artifact","manifest_path":"/r/dep/Cargo.toml","target":{"kind":["lib"],"test":true},"profile":{"opt_level":"0","test":false},"executable":null}"#,
    "\n",
    r#"{"reason":"compiler-artifact","manifest_path":"/r/a \"b\"/Cargo.toml","target":{"kind":["test"],"test":true},"profile":{"opt_level":"0","test":true},"features":[],"executable":"/t/debug/deps/a-1"}"#,
    "\n",
    r#"{"reason":"compiler-artifact","manifest_path":"/r/e/Cargo.toml","target":{"kind":["example"],"test":true},"profile":{"opt_level":"0","test":false},"executable":"/t/debug/examples/http"}"#,
    "\n",
    r#"{"reason":"build-finished","success":true}"#,
    "\n",
);

#[test]
fn executables_are_found_and_tests_told_from_other_programs() {
    let expected = [
        Artifact {
            executable: "/t/debug/deps/a-1".into(),
            package_dir: "/r/a \"b\"".into(),
            is_test: true,
        },
        Artifact {
            executable: "/t/debug/examples/http".into(),
            package_dir: "/r/e".into(),
            is_test: false,
        },
    ];
    assert_eq!(parse(LINES), expected);
}

#[test]
fn a_line_cut_short_is_no_artifact() {
    let whole = LINES.lines().nth(2).unwrap();
    assert_eq!(parse(&whole[..whole.len() - 3]), []);
}
