//! What the behaviour tests share. A test binary has, next to this module, a module `stack`: the
//! types under test.
#![allow(dead_code, reason = "every test binary uses a part of this module")]

pub(crate) mod cancel;
pub(crate) mod child;
pub(crate) mod closing;
pub(crate) mod echo;
pub(crate) mod fds;
pub(crate) mod files;
pub(crate) mod fork;
pub(crate) mod memory;
pub(crate) mod parent;
pub(crate) mod pattern;
pub(crate) mod pipes;
pub(crate) mod poll;
pub(crate) mod ready;
pub(crate) mod refuse;
pub(crate) mod rng;
pub(crate) mod setup;
pub(crate) mod tcp;
pub(crate) mod told;
pub(crate) mod udp;
pub(crate) mod unix;

use std::io::{self, Write};
use std::time::Duration;

/// How long anything may take before it counts as hanging. Nothing is measured with it.
pub(crate) const HANG: Duration = Duration::from_secs(30);

/// Says that a test could not run here, past libtest's capture.
pub(crate) fn skip(reason: &str) {
    writeln!(io::stderr(), "SKIP {reason}").ok();
}
