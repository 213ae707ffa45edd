//! Runs software of the field on the sockets of tokio-uring-net, on every runtime it may meet.
//!
//! Each file in `tests/` is one piece of software. This library is what they share.
#![cfg(target_os = "linux")]

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::iter;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;
use tokio_uring_net::{Builder, Driver, DriverChoice, Mode, driver};

/// What a test ends with. Everyone's errors fit in.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a test may take before it counts as hanging. Nothing is measured with it.
const HANG: Duration = Duration::from_secs(60);

const DRIVERS: [(DriverChoice, Driver); 2] = [
    (DriverChoice::IoUring, Driver::IoUring),
    (DriverChoice::Epoll, Driver::Epoll),
];

/// What [`both_ways`] sends again and again. The length is a prime, so that no bytes are lost or repeated
/// unseen.
const BLOCK_BYTES: usize = 1_000_003;

/// One test runs at a time, because each counts the descriptors of the process.
static TURN: LazyLock<Mutex<()>> = LazyLock::new(|| {
    // tokio's signal driver opens descriptors that stay open for the life of the process.
    drop(Flavour::CurrentThread.runtime());
    Mutex::new(())
});

/// Runs the future of `test` as a task on both flavours of runtime, both drivers and both modes.
///
/// # Panics
/// If a test fails, hangs, or leaves descriptors open when its runtime is gone; if the driver is not
/// the one asked for at its end. Without io_uring a line with SKIP is printed, unless
/// `REQUIRE_URING=1` is set.
pub fn on_every_runtime<T, F>(test: T)
where
    T: Fn() -> F,
    F: Future<Output = Outcome> + Send + 'static,
{
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for flavour in [Flavour::CurrentThread, Flavour::MultiThread] {
        for (choice, driver) in DRIVERS {
            for mode in [Mode::Exact, Mode::Completion] {
                let setup = Setup {
                    flavour,
                    choice,
                    driver,
                    mode,
                };
                setup.run(test());
            }
        }
    }
}

/// As many bytes as asked for, the same for the same seed.
pub fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    // xorshift64 by G. Marsaglia; the multiplication sets the seeds far apart.
    let start = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let words = iter::successors(Some(start), |&word| {
        let word = word ^ (word << 13);
        let word = word ^ (word >> 7);
        Some(word ^ (word << 17))
    });
    let mut bytes = Vec::with_capacity(len + 8);
    for word in words.take(len.div_ceil(8)) {
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Sends `len` bytes each way between two ends of a connection, and checks them, by four tasks at once.
///
/// # Errors
/// Those of the streams.
///
/// # Panics
/// If other bytes come than were sent, or not as many.
pub async fn both_ways<R1, W1, R2, W2>(one: (R1, W1), two: (R2, W2), len: usize) -> Outcome
where
    R1: AsyncRead + Unpin + Send + 'static,
    W1: AsyncWrite + Unpin + Send + 'static,
    R2: AsyncRead + Unpin + Send + 'static,
    W2: AsyncWrite + Unpin + Send + 'static,
{
    let tasks = [
        tokio::spawn(send(one.1, 1, len)),
        tokio::spawn(send(two.1, 2, len)),
        tokio::spawn(receive(one.0, 2, len)),
        tokio::spawn(receive(two.0, 1, len)),
    ];
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn send(mut stream: impl AsyncWrite + Unpin, seed: u64, len: usize) -> Outcome {
    let block = random_bytes(seed, BLOCK_BYTES);
    let mut left = len;
    while left > 0 {
        let count = left.min(BLOCK_BYTES);
        stream.write_all(&block[..count]).await?;
        left -= count;
    }
    Ok(stream.shutdown().await?)
}

/// Reads to the end, which has to be told: for TLS by a close_notify.
async fn receive(mut stream: impl AsyncRead + Unpin, seed: u64, len: usize) -> Outcome {
    let block = random_bytes(seed, BLOCK_BYTES);
    let mut buffer = vec![0; 128 << 10];
    let mut at = 0;
    loop {
        let start = at % BLOCK_BYTES;
        let room = buffer.len().min(BLOCK_BYTES - start);
        let count = stream.read(&mut buffer[..room]).await?;
        if count == 0 {
            break;
        }
        let sent = &block[start..start + count];
        assert!(
            buffer[..count] == *sent,
            "not what was sent, after byte {at}"
        );
        at += count;
    }
    assert_eq!(at, len);
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Flavour {
    CurrentThread,
    MultiThread,
}

impl Flavour {
    fn runtime(self) -> Runtime {
        let mut builder = match self {
            Flavour::CurrentThread => runtime::Builder::new_current_thread(),
            Flavour::MultiThread => runtime::Builder::new_multi_thread(),
        };
        builder.worker_threads(2).enable_all();
        builder.build().expect("a runtime can be built")
    }
}

/// A runtime, and what the sockets in it do.
#[derive(Clone, Copy, Debug)]
struct Setup {
    flavour: Flavour,
    choice: DriverChoice,
    driver: Driver,
    mode: Mode,
}

impl Setup {
    /// Runs `test` on a runtime of its own, if this machine has it.
    fn run<F>(self, test: F)
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let before = descriptors();
        let runtime = self.flavour.runtime();
        let builder = Builder::new().driver(self.choice).mode(self.mode);
        if let Err(error) = runtime.block_on(async { builder.install() }) {
            let required = env::var_os("REQUIRE_URING").is_some_and(|value| value == "1");
            let may_lack = self.driver == Driver::IoUring && !required;
            assert!(may_lack, "{self:?} is required: {error}");
            // Past libtest's capture.
            writeln!(io::stderr(), "SKIP {self:?}: {error}").ok();
            return;
        }
        println!("on {self:?}");
        let ended = runtime.block_on(async {
            let ended = timeout(HANG, tokio::spawn(test)).await;
            let status = driver();
            assert_eq!(status.driver(), self.driver, "{status}");
            ended
        });
        match ended {
            Err(_) => panic!("the test hangs"),
            Ok(Err(join)) => resume_unwind(join.into_panic()),
            Ok(Ok(outcome)) => outcome.expect("no step of the test fails"),
        }
        drop(runtime);
        wait_returned(&before);
    }
}

/// Waits until no more descriptors are open than `before`. The thread that sends for blocked tasks in
/// Completion mode may hold a runtime for a moment longer.
fn wait_returned(before: &[PathBuf]) {
    let start = Instant::now();
    loop {
        let now = descriptors();
        if now.len() <= before.len() {
            break;
        }
        assert!(start.elapsed() < HANG, "left open: {now:?}, not {before:?}");
        thread::yield_now();
    }
}

/// What the open descriptors of this process refer to.
fn descriptors() -> Vec<PathBuf> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    // The link of the directory itself cannot be read any more.
    let paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    let mut targets: Vec<PathBuf> = paths
        .iter()
        .filter_map(|path| fs::read_link(path).ok())
        .collect();
    targets.sort();
    targets
}
