//! Streams in Completion mode: what they hold between the program and the kernel.

use crate::stack::net::{Metrics, Mode, TcpStream, metrics};
use crate::support::closing::join;
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, poll_once, turns};
use crate::support::setup::{self, Setup};
use crate::support::tcp::{Origin, free_ports_on_close, pair, pair_with_buffers};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use tokio::io::AsyncWriteExt;

/// How often something is tried that another thread may come first with.
const ATTEMPTS: usize = 200;

/// Bytes that may be ahead: 4 KiB, and what the ring receives in one turn.
pub(crate) const AHEAD_MAX: usize = (4 << 10) + 64 * (2 << 10);

/// What the kernel holds for a stream that is to be blocked.
const KERNEL_BYTES: u32 = 64 << 10;

/// Runs `test` as a task of every runtime whose streams are in Completion mode.
pub(crate) fn on_every_runtime<T, F>(test: T)
where
    T: Fn(Setup) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    setup::on_every_runtime(|setup| {
        let test = is_completion(setup).then(|| test(setup));
        async move {
            match test {
                Some(test) => test.await,
                None => Ok(()),
            }
        }
    });
}

/// Runs `test` for every set-up whose streams are in Completion mode.
pub(crate) fn for_each_setup(test: impl Fn(Setup)) {
    setup::for_each_setup(|setup| {
        if is_completion(setup) {
            test(setup);
        }
    });
}

fn is_completion(setup: Setup) -> bool {
    setup.stack.mode() == Mode::Completion
}

/// Repeats `attempt` until it answers that it went as meant: on a busy machine the driver or the
/// look-out for stragglers may send a queue first, which is allowed.
pub(crate) async fn until<'a>(
    what: &str,
    mut attempt: impl FnMut() -> BoxFuture<'a, io::Result<bool>>,
) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        if attempt().await? {
            return Ok(());
        }
    }
    panic!("{what}: never in {ATTEMPTS} attempts");
}

/// How many queues were sent, for whatever reason.
pub(crate) fn flushes(metrics: &Metrics) -> u64 {
    metrics.flushes_by_read
        + metrics.flushes_by_turn
        + metrics.flushes_by_write
        + metrics.flushes_by_flush
        + metrics.flushes_by_end
        + metrics.flushes_by_escape
        + metrics.flushes_by_straggler
        + metrics.flushes_by_room
}

/// Writes the next `len` bytes of `sent` in one call, which must not wait.
pub(crate) async fn write(
    stream: &mut TcpStream,
    sent: &mut Pattern,
    len: usize,
) -> io::Result<()> {
    assert_eq!(stream.write(&sent.bytes(len)).await?, len);
    sent.skip(len);
    Ok(())
}

/// Receives and checks the next `len` bytes, blocking this thread.
pub(crate) fn receive(
    mut peer: &std::net::TcpStream,
    received: &mut Pattern,
    len: usize,
) -> io::Result<()> {
    let mut bytes = vec![0; len];
    peer.read_exact(&mut bytes)?;
    received.take(&bytes);
    Ok(())
}

/// How many bytes have arrived at a socket and were not received from it.
pub(crate) fn arrived(peer: impl AsFd) -> usize {
    let bytes = rustix::io::ioctl_fionread(peer).expect("it is a socket");
    usize::try_from(bytes).expect("a kernel buffer is small")
}

/// Blocks this thread until `len` bytes have arrived at a socket.
pub(crate) fn wait_arrived(peer: impl AsFd, len: usize) {
    while arrived(&peer) < len {
        std::thread::yield_now();
    }
}

/// Blocks this thread until the kernel reports any of `flags` of a socket.
pub(crate) fn wait_for(socket: impl AsFd, flags: PollFlags) {
    let mut fds = [PollFd::new(&socket, flags)];
    let limit = Timespec {
        tv_sec: 30,
        tv_nsec: 0,
    };
    while !fds[0].revents().intersects(flags) {
        assert_eq!(poll(&mut fds, Some(&limit)), Ok(1), "{flags:?}");
    }
}

/// Another descriptor of the same socket, made before the first byte: that does not count.
pub(crate) fn duplicate(stream: &TcpStream) -> io::Result<std::net::TcpStream> {
    let duplicate = stream.as_fd().try_clone_to_owned()?;
    assert_eq!(stream.mode(), Mode::Completion);
    Ok(duplicate.into())
}

/// The same without the stream's knowledge.
pub(crate) fn steal(stream: &TcpStream) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    let shown = format!("{stream:?}");
    let (_, number) = shown.rsplit_once("fd: ").expect("it is shown");
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    let number = digits.parse().expect("it is a number");
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    Ok(pidfd_getfd(this, number, PidfdGetfdFlags::empty())?)
}

/// Writes twice a round until `stream` is seen to queue from the first write of a round on.
pub(crate) async fn coalesce(
    stream: &mut TcpStream,
    peer: &std::net::TcpStream,
    sent: &mut Pattern,
) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let mut received = *sent;
        let before = metrics();
        write(stream, sent, 10).await?;
        write(stream, sent, 10).await?;
        let read = stream.try_read(&mut [0; 1]).map_err(|error| error.kind());
        assert_eq!(read, Err(ErrorKind::WouldBlock));
        receive(peer, &mut received, 20)?;
        let after = metrics();
        if after.queued_writes - before.queued_writes == 2
            && flushes(&after) - flushes(&before) == 1
        {
            return Ok(());
        }
    }
    panic!("never in {ATTEMPTS} rounds");
}

/// Who sends a queue into a connection that was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The call that follows.
    Call,
    /// The driver, in its turn before that.
    Turn,
}

/// A stream with a queue, or with what `sender` has made of it, whose peer has reset the connection.
pub(crate) async fn reset_stream(
    origin: Origin,
    coalesces: bool,
    sender: Sender,
) -> io::Result<TcpStream> {
    let (mut stream, peer) = pair(origin).await?;
    let seen = duplicate(&stream)?;
    let mut sent = Pattern::new(1);
    if coalesces {
        coalesce(&mut stream, &peer, &mut sent).await?;
    }
    let before = flushes(&metrics());
    write(&mut stream, &mut sent, 100).await?;
    write(&mut stream, &mut sent, 100).await?;
    free_ports_on_close(&peer)?;
    drop(peer);
    wait_for(&seen, PollFlags::HUP);
    // The error leaves the socket with the send that meets it. On multi_thread, the queue may have
    // been sent before.
    while sender == Sender::Turn
        && shown(&seen).contains(PollFlags::ERR)
        && flushes(&metrics()) == before
    {
        turns(1).await;
    }
    Ok(stream)
}

/// What the kernel reports of a socket now.
fn shown(socket: impl AsFd) -> PollFlags {
    let mut fds = [PollFd::new(&socket, PollFlags::HUP)];
    poll(&mut fds, Some(&Timespec::default())).expect("it is a socket");
    fds[0].revents()
}

/// A stream that has taken a write into its queue, which the kernel has no room for.
pub(crate) struct Blocked {
    pub(crate) stream: TcpStream,
    pub(crate) peer: std::net::TcpStream,
    /// Everything that the peer is to receive, and so far has not.
    pub(crate) sent: Pattern,
    pub(crate) received: Pattern,
}

impl Blocked {
    pub(crate) async fn new(origin: Origin) -> io::Result<Blocked> {
        for _ in 0..ATTEMPTS {
            let (mut stream, peer) = pair_with_buffers(origin, Some(KERNEL_BYTES)).await?;
            let mut sent = Pattern::new(1);
            coalesce(&mut stream, &peer, &mut sent).await?;
            let received = sent;
            // The stream does not learn of it and so believes what it has measured before.
            let filler = std::net::TcpStream::from(steal(&stream)?);
            fill(&filler, &peer, &mut sent)?;
            drop(filler);
            let before = metrics();
            // Two, or it would lose the habit of queueing.
            if !(queues(&mut stream, &mut sent).await && queues(&mut stream, &mut sent).await) {
                continue;
            }
            let read = stream.try_read(&mut [0; 1]).map_err(|error| error.kind());
            assert_eq!(read, Err(ErrorKind::WouldBlock));
            if flushes(&metrics()) == flushes(&before) {
                return Ok(Blocked {
                    stream,
                    peer,
                    sent,
                    received,
                });
            }
        }
        panic!("never blocked in {ATTEMPTS} attempts");
    }

    /// Receives everything in a thread; then nothing more, but the end of the stream if `ends`.
    pub(crate) async fn drain(
        peer: std::net::TcpStream,
        mut received: Pattern,
        sent: Pattern,
        ends: bool,
    ) -> io::Result<std::net::TcpStream> {
        let (give, take) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let len = usize::try_from(sent.offset() - received.offset()).expect("it is small");
            receive(&peer, &mut received, len).expect("every byte arrives");
            if ends {
                let end = (&peer).read(&mut [0; 1]);
                assert_eq!(end.expect("the stream ends without error"), 0);
            }
            give.send(peer).expect("the test waits");
        });
        join(reader).await?;
        Ok(take.recv().expect("the reader has sent it"))
    }
}

/// Whether a write is taken although the kernel is full.
async fn queues(stream: &mut TcpStream, sent: &mut Pattern) -> bool {
    let bytes = sent.bytes(50);
    let is_taken = poll_once(&mut Box::pin(stream.write(&bytes)))
        .await
        .is_ready();
    sent.skip(if is_taken { bytes.len() } else { 0 });
    is_taken
}

/// Sends until the kernel is full and stays so.
///
/// What the peer writes acknowledges what it has received: without that, a late acknowledgement would
/// make room at any time.
fn fill(
    mut filler: &std::net::TcpStream,
    mut peer: &std::net::TcpStream,
    sent: &mut Pattern,
) -> io::Result<()> {
    let mut idle = 0;
    while idle < 3 {
        match filler.write(&sent.bytes(KERNEL_BYTES as usize)) {
            Ok(count) => {
                sent.skip(count);
                idle = 0;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                peer.write_all(b"?")?;
                wait_arrived(filler, 1);
                filler.read_exact(&mut [0; 1])?;
                idle += 1;
            }
        }
    }
    Ok(())
}
