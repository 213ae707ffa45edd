//! echo
fn main() {}
