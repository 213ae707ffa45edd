use super::{below_profile, memlock_hard_bytes};
use std::path::Path;

#[test]
fn the_hard_limit_is_read_and_unlimited_is_none() {
    let limits = "Limit  Soft Limit  Hard Limit  Units\nMax locked memory  4096  65536  bytes\n";
    assert_eq!(memlock_hard_bytes(limits), Some(65536));
    let limits = "Max locked memory  8388608  unlimited  bytes\n";
    assert_eq!(memlock_hard_bytes(limits), None);
}

#[test]
fn copies_keep_their_place_below_the_profile_folder() {
    assert_eq!(
        below_profile(Path::new("/debug/t/debug/deps/a-1")),
        Path::new("debug/deps/a-1")
    );
    assert_eq!(
        below_profile(Path::new("/t/debug/examples/http")),
        Path::new("debug/examples/http")
    );
    assert_eq!(
        below_profile(Path::new("/t/release/a")),
        Path::new("t/release/a")
    );
}
