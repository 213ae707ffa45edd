//! What one end of a pipe sees when the other goes.

use crate::stack::net::unix::pipe::{self, Receiver, Sender};
use crate::support::pipes::{self, PIPE_BYTES};
use crate::support::poll::{Wakes, turns};
use crate::support::ready::{WOULD_BLOCK, kind};
use crate::support::setup::on_every_runtime;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

/// Has the driver wait for `sender` to have room.
async fn fill_and_wait(sender: &Sender) -> io::Result<()> {
    sender.writable().await?;
    let wakes = Wakes::new();
    loop {
        let mut writable = Box::pin(sender.writable());
        if wakes.poll(&mut writable).is_pending() {
            turns(3).await;
            if wakes.poll(&mut writable).is_pending() {
                return Ok(());
            }
        }
        match sender.try_write(&[0; PIPE_BYTES]) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Has the driver wait for bytes to `receiver`.
async fn wait(receiver: &Receiver) {
    let wakes = Wakes::new();
    loop {
        assert_eq!(kind(receiver.try_read(&mut [0; 8])), WOULD_BLOCK);
        let mut readable = Box::pin(receiver.readable());
        if wakes.poll(&mut readable).is_pending() {
            turns(3).await;
            if wakes.poll(&mut readable).is_pending() {
                return;
            }
        }
    }
}

#[test]
fn a_read_that_waits_ends_with_the_last_writer() {
    on_every_runtime(|_| async {
        let (mut receiver, writer) = pipes::receiver()?;
        let other = writer.try_clone()?;
        wait(&receiver).await;
        let task = tokio::spawn(async move {
            let count = receiver.read(&mut [0; 8]).await?;
            io::Result::Ok((receiver, count))
        });
        drop(writer);
        turns(5).await;
        assert!(!task.is_finished());
        drop(other);
        let (mut receiver, count) = task.await??;
        assert_eq!(count, 0);
        for _ in 0..3 {
            assert!(receiver.ready(Interest::READABLE).await?.is_read_closed());
            assert_eq!(receiver.read(&mut [0; 8]).await?, 0);
            assert_eq!(receiver.try_read(&mut [0; 8])?, 0);
        }
        Ok(())
    });
}

#[test]
fn what_was_written_is_read_before_the_end() {
    on_every_runtime(|_| async {
        let (mut sender, mut receiver) = pipe::pipe()?;
        wait(&receiver).await;
        sender.write_all(&[7; 10_000]).await?;
        drop(sender);
        let mut received = Vec::new();
        assert_eq!(receiver.read_to_end(&mut received).await?, 10_000);
        Ok(())
    });
}

#[test]
fn a_write_that_waits_fails_with_the_last_reader() {
    on_every_runtime(|_| async {
        let (mut sender, reader) = pipes::sender()?;
        fill_and_wait(&sender).await?;
        let task = tokio::spawn(async move {
            let written = sender.write(b"x").await;
            (sender, kind(written))
        });
        turns(5).await;
        assert!(!task.is_finished());
        drop(reader);
        let (mut sender, written) = task.await?;
        assert_eq!(written, Some(ErrorKind::BrokenPipe));
        for _ in 0..3 {
            let ready = sender.ready(Interest::WRITABLE).await?;
            assert!(ready.is_write_closed(), "{ready:?}");
            assert_eq!(kind(sender.write(b"x").await), Some(ErrorKind::BrokenPipe));
            assert_eq!(kind(sender.try_write(b"x")), Some(ErrorKind::BrokenPipe));
        }
        let ready = sender.ready(Interest::ERROR).await?;
        assert!(ready.is_error(), "{ready:?}");
        Ok(())
    });
}

#[test]
fn a_sender_with_room_is_told_that_the_reader_has_gone() {
    on_every_runtime(|_| async {
        let (mut sender, receiver) = pipe::pipe()?;
        sender.write_all(b"lost").await?;
        let wakes = Wakes::new();
        let mut error = Box::pin(sender.ready(Interest::ERROR));
        assert!(wakes.poll(&mut error).is_pending());
        turns(5).await;
        assert!(wakes.poll(&mut error).is_pending());
        drop(receiver);
        let ready = error.await?;
        assert!(ready.is_error(), "{ready:?}");
        let ready = sender.ready(Interest::WRITABLE).await?;
        assert!(ready.is_write_closed(), "{ready:?}");
        assert_eq!(kind(sender.write(b"x").await), Some(ErrorKind::BrokenPipe));
        Ok(())
    });
}

/// The other end is in no runtime: its blocking call can only be ended by the kernel's close.
#[test]
fn an_end_that_is_dropped_is_closed_at_once() {
    on_every_runtime(|_| async {
        let (sender, mut reader) = pipes::sender()?;
        fill_and_wait(&sender).await?;
        pipes::set_blocking(&reader, true)?;
        drop(sender);
        reader.read_to_end(&mut Vec::new())?;

        let (receiver, mut writer) = pipes::receiver()?;
        wait(&receiver).await;
        drop(receiver);
        assert_eq!(kind(writer.write(b"x")), Some(ErrorKind::BrokenPipe));
        Ok(())
    });
}

#[test]
fn an_end_that_is_dropped_on_another_thread_is_closed_by_the_driver() {
    on_every_runtime(|_| async {
        let (sender, mut reader) = pipes::sender()?;
        fill_and_wait(&sender).await?;
        reader.read_exact(&mut [0; PIPE_BYTES])?;
        tokio::task::spawn_blocking(|| drop(sender)).await?;
        let end = loop {
            match reader.read(&mut [0; 8]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => turns(1).await,
                other => break other?,
            }
        };
        assert_eq!(end, 0);

        let (receiver, mut writer) = pipes::receiver()?;
        wait(&receiver).await;
        tokio::task::spawn_blocking(|| drop(receiver)).await?;
        while writer.write(b"x").is_ok() {
            turns(1).await;
        }
        assert_eq!(kind(writer.write(b"x")), Some(ErrorKind::BrokenPipe));
        Ok(())
    });
}

/// Nobody polls, nobody enters: the drop alone has the driver, which sleeps, let go of the pipe.
#[test]
fn a_drop_on_another_thread_wakes_the_driver() {
    on_every_runtime(|_| async {
        let (sender, mut reader) = pipes::sender()?;
        fill_and_wait(&sender).await?;
        reader.read_exact(&mut [0; PIPE_BYTES])?;
        pipes::set_blocking(&reader, true)?;
        let thread = std::thread::spawn(move || {
            drop(sender);
            reader.read(&mut [0; 8])
        });
        // This task waits, and so the runtime sleeps.
        let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
        assert_eq!(joined.expect("the thread does not panic")?, 0);
        Ok(())
    });
}

#[test]
fn a_duplicate_keeps_the_pipe_open() {
    on_every_runtime(|_| async {
        let (sender, mut receiver) = pipe::pipe()?;
        wait(&receiver).await;
        let mut duplicate = std::fs::File::from(sender.as_fd().try_clone_to_owned()?);
        drop(sender);
        turns(3).await;
        assert_eq!(kind(receiver.try_read(&mut [0; 8])), WOULD_BLOCK);
        duplicate.write_all(b"bytes")?;
        assert_eq!(receiver.read(&mut [0; 8]).await?, 5);
        drop(duplicate);
        assert_eq!(receiver.read(&mut [0; 8]).await?, 0);
        Ok(())
    });
}
