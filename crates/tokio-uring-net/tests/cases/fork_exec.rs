//! A program that is executed inherits nothing.

use crate::support::closing::Before;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, both_ends, pair};
use std::collections::BTreeSet;
use std::io;

/// The descriptors that an executed program would inherit.
fn inheritable() -> io::Result<BTreeSet<String>> {
    let mut inheritable = BTreeSet::new();
    for entry in std::fs::read_dir("/proc/self/fdinfo")? {
        let entry = entry?;
        // The descriptor of the directory may be closed by now.
        let Ok(info) = std::fs::read_to_string(entry.path()) else {
            continue;
        };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.expect("every descriptor has flags").trim();
        let flags = i32::from_str_radix(flags, 8).expect("they are octal");
        if flags & libc::O_CLOEXEC == 0 {
            inheritable.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(inheritable)
}

#[test]
fn every_descriptor_is_closed_on_exec() {
    let before = inheritable().expect("/proc is mounted");
    on_every_runtime(move |_| {
        let before = before.clone();
        async move {
            let mut open = Vec::new();
            for origin in Origin::ALL {
                for happened in Before::ALL {
                    let (mut stream, peer) = pair(origin).await?;
                    happened.happen(&mut stream).await;
                    open.push((stream, peer));
                }
            }
            let ends = both_ends().await?;
            assert_eq!(inheritable()?, before);
            drop((open, ends));
            Ok(())
        }
    });
}
