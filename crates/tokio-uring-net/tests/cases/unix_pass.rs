//! Descriptors that are passed along with the bytes.

use crate::stack::net::UnixStream;
use crate::support::poll::poll_once;
use crate::support::setup::on_every_runtime;
use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

/// Sends `bytes`, and `passed` with them.
fn send(stream: BorrowedFd<'_>, bytes: &[u8], passed: BorrowedFd<'_>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let passed = [passed];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&passed)));
    let sent = sendmsg(
        stream,
        &[IoSlice::new(bytes)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(sent)
}

/// Receives into `buf`, and the descriptor that came with it.
fn receive(stream: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let bufs = &mut [IoSliceMut::new(buf)];
    let received = recvmsg(stream, bufs, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    assert!(!received.flags.contains(ReturnFlags::CTRUNC));
    let mut passed = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            passed = passed.or(fds.last());
        }
    }
    Ok((received.bytes, passed))
}

/// A pipe's end with `text` in the pipe.
fn pipe_with(text: &str) -> io::Result<OwnedFd> {
    let (reader, mut writer) = io::pipe()?;
    io::Write::write_all(&mut writer, text.as_bytes())?;
    Ok(reader.into())
}

fn text_in(pipe: Option<OwnedFd>) -> io::Result<String> {
    let mut text = String::new();
    File::from(pipe.expect("a descriptor came")).read_to_string(&mut text)?;
    Ok(text)
}

async fn receive_from(stream: &UnixStream, buf: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let receive = || receive(stream.as_fd(), buf);
    stream.async_io(Interest::READABLE, receive).await
}

#[test]
fn a_descriptor_comes_with_its_bytes() {
    on_every_runtime(|_| async {
        let (mut one, mut two) = UnixStream::pair()?;
        one.write_all(b"before").await?;
        two.read_exact(&mut [0; 6]).await?;

        let mut buf = [0; 16];
        let mut waiting = Box::pin(receive_from(&two, &mut buf));
        assert!(poll_once(&mut waiting).await.is_pending());
        let pipe = pipe_with("by async_io")?;
        let send_it = || send(one.as_fd(), b"with", pipe.as_fd());
        assert_eq!(one.async_io(Interest::WRITABLE, send_it).await?, 4);
        let (count, passed) = waiting.await?;
        assert_eq!((count, text_in(passed)?.as_str()), (4, "by async_io"));
        assert_eq!(&buf[..4], b"with");

        let pipe = pipe_with("by try_io")?;
        one.writable().await?;
        let send_it = || send(one.as_fd(), b"with", pipe.as_fd());
        assert_eq!(one.try_io(Interest::WRITABLE, send_it)?, 4);
        two.readable().await?;
        let take_it = || receive(two.as_fd(), &mut buf);
        let (count, passed) = two.try_io(Interest::READABLE, take_it)?;
        assert_eq!((count, text_in(passed)?.as_str()), (4, "by try_io"));

        one.write_all(b"after").await?;
        two.read_exact(&mut [0; 5]).await?;
        Ok(())
    });
}

/// Small reads stop short of the bytes that a descriptor comes with: it waits for the call that asks.
#[test]
fn reads_before_a_descriptor_leave_it_where_it_is() {
    on_every_runtime(|_| async {
        let (mut one, mut two) = UnixStream::pair()?;
        let pipe = pipe_with("behind the header")?;
        one.write_all(b"header").await?;
        send(one.as_fd(), b"body", pipe.as_fd())?;
        let mut buf = [0; 3];
        two.read_exact(&mut buf).await?;
        two.read_exact(&mut buf).await?;
        assert_eq!(&buf, b"der");
        let mut buf = [0; 16];
        let (count, passed) = receive_from(&two, &mut buf).await?;
        assert_eq!((count, text_in(passed)?.as_str()), (4, "behind the header"));
        Ok(())
    });
}
