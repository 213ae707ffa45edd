//! Names in the file system for sockets and FIFOs, removed at the end.

use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A name that no file has, of which nothing is left when this is dropped.
#[derive(Debug)]
pub(crate) struct TempPath(PathBuf);

impl TempPath {
    pub(crate) fn new() -> TempPath {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        TempPath(std::env::temp_dir().join(format!("net-test-{process}-{next}")))
    }

    /// The name of a FIFO.
    pub(crate) fn fifo() -> io::Result<TempPath> {
        let path = TempPath::new();
        mknodat(CWD, &path.0, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        Ok(path)
    }

    /// The name of a file of bytes.
    pub(crate) fn file(bytes: &[u8]) -> io::Result<TempPath> {
        let path = TempPath::new();
        std::fs::write(&path, bytes)?;
        Ok(path)
    }
}

impl AsRef<Path> for TempPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        // There may be none yet.
        std::fs::remove_file(&self.0).ok();
    }
}
