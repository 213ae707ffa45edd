//! FIFO files, and descriptors from elsewhere.

use crate::stack::net::unix::pipe::{OpenOptions, Receiver, Sender};
use crate::support::files::TempPath;
use crate::support::poll::{poll_once, turns};
use crate::support::setup::on_every_runtime;
use rustix::fs::{OFlags, fcntl_getfl};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn is_blocking(fd: impl AsFd) -> io::Result<bool> {
    Ok(!fcntl_getfl(fd)?.contains(OFlags::NONBLOCK))
}

#[test]
fn a_fifo_moves_bytes_from_end_to_end() {
    on_every_runtime(|_| async {
        for unchecked in [false, true] {
            let path = TempPath::fifo()?;
            let mut options = OpenOptions::new();
            options.unchecked(unchecked);
            let no_reader = options.open_sender(&path).unwrap_err();
            assert_eq!(no_reader.raw_os_error(), Some(libc::ENXIO));
            let mut receiver = options.open_receiver(&path)?;
            let mut sender = options.open_sender(&path)?;
            assert!(!is_blocking(&receiver)? && !is_blocking(&sender)?);
            sender.write_all(b"hello").await?;
            drop(sender);
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).await?;
            assert_eq!(received, b"hello");
        }
        Ok(())
    });
}

/// Before the first writer there is no end to be read.
#[test]
fn a_receiver_waits_for_the_first_writer() {
    on_every_runtime(|_| async {
        let path = TempPath::fifo()?;
        let mut receiver = OpenOptions::new().open_receiver(&path)?;
        let task = tokio::spawn(async move {
            let mut received = Vec::new();
            receiver.read_to_end(&mut received).await.map(|_| received)
        });
        turns(5).await;
        assert!(!task.is_finished());
        let mut sender = OpenOptions::new().open_sender(&path)?;
        turns(5).await;
        assert!(!task.is_finished());
        sender.write_all(b"hello").await?;
        drop(sender);
        assert_eq!(task.await??, b"hello");
        Ok(())
    });
}

/// It is a writer itself, so the others may come and go.
#[test]
fn a_receiver_opened_for_both_sees_no_end() {
    on_every_runtime(|_| async {
        let path = TempPath::fifo()?;
        let mut receiver = OpenOptions::new().read_write(true).open_receiver(&path)?;
        for _ in 0..3 {
            let mut buf = [0; 16];
            let mut read = Box::pin(receiver.read(&mut buf));
            for _ in 0..3 {
                assert!(poll_once(&mut read).await.is_pending());
                turns(2).await;
            }
            let mut sender = OpenOptions::new().open_sender(&path)?;
            sender.write_all(b"hello").await?;
            drop(sender);
            assert_eq!(read.await?, 5);
        }
        Ok(())
    });
}

/// It is told of bytes and of room, and waits for room alone.
#[test]
fn a_sender_opened_for_both_needs_no_reader_and_waits_for_room() {
    on_every_runtime(|_| async {
        let path = TempPath::fifo()?;
        let mut sender = OpenOptions::new().read_write(true).open_sender(&path)?;
        sender.write_all(b"first").await?;
        for _ in 0..3 {
            let task = tokio::spawn(async move {
                sender.write_all(&[1; 200_000]).await?;
                io::Result::Ok(sender)
            });
            turns(5).await;
            assert!(!task.is_finished());
            let mut reader = OpenOptions::new().open_receiver(&path)?;
            let mut buf = vec![0; 200_000];
            reader.read_exact(&mut buf).await?;
            sender = task.await??;
        }
        Ok(())
    });
}

/// What an error says.
fn told<T>(result: io::Result<T>) -> (ErrorKind, String) {
    let error = result.map(drop).expect_err("it is refused");
    (error.kind(), error.to_string())
}

fn invalid(text: &str) -> (ErrorKind, String) {
    (ErrorKind::InvalidInput, text.to_owned())
}

#[test]
fn what_is_no_pipe_is_refused() {
    on_every_runtime(|_| async {
        let file = TempPath::file(b"bytes")?;
        let open = || File::options().read(true).write(true).open(&file);
        let not_a_pipe = invalid("not a pipe");
        assert_eq!(told(OpenOptions::new().open_receiver(&file)), not_a_pipe);
        assert_eq!(told(OpenOptions::new().open_sender(&file)), not_a_pipe);
        assert_eq!(told(Receiver::from_file(open()?)), not_a_pipe);
        assert_eq!(told(Sender::from_owned_fd(open()?.into())), not_a_pipe);
        let missing = TempPath::new();
        let (kind, _) = told(OpenOptions::new().open_receiver(&missing));
        assert_eq!(kind, ErrorKind::NotFound);

        // Nobody looks, and it turns out that a file cannot be waited for.
        let refused = told(Err::<(), _>(io::Error::from_raw_os_error(libc::EPERM)));
        let mut unchecked = OpenOptions::new();
        unchecked.unchecked(true);
        assert_eq!(told(unchecked.open_receiver(&file)), refused);
        assert_eq!(told(unchecked.open_sender(&file)), refused);
        assert_eq!(told(Receiver::from_file_unchecked(open()?)), refused);
        assert_eq!(
            told(Sender::from_owned_fd_unchecked(open()?.into())),
            refused
        );
        Ok(())
    });
}

#[test]
fn an_end_that_is_open_for_the_other_direction_is_refused() {
    on_every_runtime(|_| async {
        let (reading, writing) = io::pipe()?;
        assert_eq!(
            told(Sender::from_owned_fd(reading.into())),
            invalid("not in O_WRONLY or O_RDWR access mode")
        );
        assert_eq!(
            told(Receiver::from_owned_fd(writing.into())),
            invalid("not in O_RDONLY or O_RDWR access mode")
        );
        let path = TempPath::fifo()?;
        let both = File::options().read(true).write(true).open(&path)?;
        let mut sender = Sender::from_file(both.try_clone()?)?;
        let mut receiver = Receiver::from_file(both)?;
        sender.write_all(b"hello").await?;
        assert_eq!(receiver.read(&mut [0; 8]).await?, 5);
        Ok(())
    });
}

#[test]
fn an_end_from_elsewhere_becomes_non_blocking_and_can_be_blocking_again() {
    on_every_runtime(|_| async {
        let (reading, writing) = io::pipe()?;
        let receiver = Receiver::from_owned_fd(reading.into())?;
        let sender = Sender::from_owned_fd(writing.into())?;
        assert!(!is_blocking(&receiver)? && !is_blocking(&sender)?);
        let receiver = receiver.into_nonblocking_fd()?;
        assert!(!is_blocking(&receiver)?);
        let receiver = Receiver::from_owned_fd_unchecked(receiver)?;
        assert!(is_blocking(receiver.into_blocking_fd()?)?);
        assert!(is_blocking(sender.into_blocking_fd()?)?);
        Ok(())
    });
}

#[test]
fn bytes_that_were_not_read_go_with_the_descriptor() {
    on_every_runtime(|_| async {
        let (reading, mut writing) = io::pipe()?;
        let mut receiver = Receiver::from_owned_fd(reading.into())?;
        writing.write_all(b"read, left")?;
        let mut head = [0; 4];
        receiver.read_exact(&mut head).await?;
        let mut reading = File::from(receiver.into_blocking_fd()?);
        drop(writing);
        let mut rest = String::new();
        reading.read_to_string(&mut rest)?;
        assert_eq!(rest, ", left");
        Ok(())
    });
}
