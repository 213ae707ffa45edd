//! Who waits for bytes and for room, what ends the wait, and what nothing does.

use crate::stack::net::unix::pipe::{self, Receiver, Sender};
use crate::support::pipes::{self, PIPE_BYTES};
use crate::support::poll::{Wakes, poll_once, turns};
use crate::support::ready::{WOULD_BLOCK, kind};
use crate::support::setup::{Flavour, on_every_runtime};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};

/// Waits until the driver has nothing more to say of `receiver`.
async fn clear_readable(receiver: &Receiver) {
    loop {
        turns(3).await;
        assert_eq!(kind(receiver.try_read(&mut [0; 8])), WOULD_BLOCK);
        if poll_once(&mut Box::pin(receiver.readable()))
            .await
            .is_pending()
        {
            return;
        }
    }
}

/// Fills the pipe of `sender` until the driver has nothing more to say of it.
async fn fill(sender: &Sender) -> usize {
    let mut written = 0;
    loop {
        turns(3).await;
        if poll_once(&mut Box::pin(sender.writable()))
            .await
            .is_pending()
        {
            return written;
        }
        match sender.try_write(&[0; PIPE_BYTES]) {
            Ok(count) => written += count,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
}

#[test]
fn a_read_waits_for_bytes() {
    on_every_runtime(|_| async {
        let (mut receiver, mut writer) = pipes::receiver()?;
        for _ in 0..3 {
            clear_readable(&receiver).await;
            let task = tokio::spawn(async move {
                let mut buf = [0; 16];
                let count = receiver.read(&mut buf).await?;
                io::Result::Ok((receiver, count))
            });
            turns(5).await;
            assert!(!task.is_finished());
            writer.write_all(b"hello")?;
            let (back, count) = task.await??;
            assert_eq!(count, 5);
            receiver = back;
        }
        Ok(())
    });
}

#[test]
fn a_write_waits_for_room() {
    on_every_runtime(|_| async {
        let (mut sender, mut reader) = pipes::sender()?;
        sender.writable().await?;
        for _ in 0..3 {
            assert_eq!(fill(&sender).await, PIPE_BYTES);
            let task = tokio::spawn(async move {
                let count = sender.write(b"one more").await?;
                io::Result::Ok((sender, count))
            });
            turns(5).await;
            assert!(!task.is_finished());
            reader.read_exact(&mut [0; PIPE_BYTES])?;
            let (back, count) = task.await??;
            assert_eq!(count, 8);
            reader.read_exact(&mut [0; 8])?;
            sender = back;
        }
        Ok(())
    });
}

#[test]
fn a_read_of_nothing_takes_nothing() {
    on_every_runtime(|_| async {
        let (mut receiver, mut writer) = pipes::receiver()?;
        writer.write_all(b"bytes")?;
        receiver.readable().await?;
        assert_eq!(receiver.read(&mut []).await?, 0);
        assert_eq!(receiver.try_read(&mut [])?, 0);
        assert_eq!(receiver.try_read_vectored(&mut [])?, 0);
        assert_eq!(
            receiver.try_read_vectored(&mut [IoSliceMut::new(&mut [])])?,
            0
        );
        assert_eq!(receiver.try_read_buf(&mut &mut [0_u8; 0][..])?, 0);
        let mut received = [0; 8];
        assert_eq!(receiver.try_read(&mut received)?, 5);
        Ok(())
    });
}

#[test]
fn a_write_of_nothing_writes_nothing() {
    on_every_runtime(|_| async {
        let (mut sender, mut reader) = pipes::sender()?;
        assert_eq!(sender.write(b"").await?, 0);
        assert_eq!(sender.write_vectored(&[IoSlice::new(b"")]).await?, 0);
        assert_eq!(sender.try_write(b"")?, 0);
        assert_eq!(sender.try_write_vectored(&[])?, 0);
        sender.flush().await?;
        sender.shutdown().await?;
        assert_eq!(kind(reader.read(&mut [0; 8])), WOULD_BLOCK);
        // A pipe has no shutdown: it goes on.
        sender.write_all(b"bytes").await?;
        assert_eq!(reader.read(&mut [0; 8])?, 5);
        Ok(())
    });
}

#[test]
fn more_slices_than_one_call_takes_are_for_the_next_call() {
    const SLICES: usize = 3_000;
    on_every_runtime(|_| async {
        let (mut sender, mut receiver) = pipe::pipe()?;
        assert!(sender.is_write_vectored());
        let byte = [b'x'];
        let mut left = vec![IoSlice::new(&byte); SLICES];
        while !left.is_empty() {
            let count = sender.write_vectored(&left).await?;
            assert_eq!(count, left.len().min(1_024));
            left.truncate(left.len() - count);
        }
        sender.try_write_vectored(&vec![IoSlice::new(&byte); SLICES])?;
        let mut buf = vec![0; SLICES + 1_024];
        receiver.read_exact(&mut buf).await?;
        assert!(buf.iter().all(|&byte| byte == b'x'));

        sender.write_all(&buf).await?;
        receiver.readable().await?;
        let mut slices: Vec<_> = buf.chunks_mut(1).map(IoSliceMut::new).collect();
        assert_eq!(receiver.try_read_vectored(&mut slices)?, 1_024);
        Ok(())
    });
}

#[test]
fn try_io_calls_nothing_while_the_pipe_is_not_ready() {
    on_every_runtime(|_| async {
        let (receiver, mut writer) = pipes::receiver()?;
        clear_readable(&receiver).await;
        let called = || -> io::Result<()> { panic!("called") };
        let blocks = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
        assert_eq!(kind(receiver.try_io(called)), WOULD_BLOCK);
        writer.write_all(b"x")?;
        receiver.readable().await?;
        receiver.try_io(|| Ok(()))?;
        assert_eq!(kind(receiver.try_io(blocks)), WOULD_BLOCK);
        assert_eq!(kind(receiver.try_io(called)), WOULD_BLOCK);

        let (sender, _reader) = pipes::sender()?;
        sender.writable().await?;
        fill(&sender).await;
        assert_eq!(kind(sender.try_io(called)), WOULD_BLOCK);
        Ok(())
    });
}

/// Nobody has ever waited for this pipe. (On several threads the driver may report at any moment.)
#[test]
fn readiness_that_try_io_took_back_is_the_drivers_to_report() {
    on_every_runtime(|setup| async move {
        if setup.flavour == Flavour::MultiThread {
            return Ok(());
        }
        let (receiver, mut writer) = pipes::receiver()?;
        writer.write_all(b"x")?;
        while receiver.try_io(|| Ok(())).is_err() {
            turns(1).await;
        }
        turns(3).await;
        let blocks = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
        assert_eq!(kind(receiver.try_io(blocks)), WOULD_BLOCK);
        let called = || -> io::Result<()> { panic!("called") };
        assert_eq!(kind(receiver.try_io(called)), WOULD_BLOCK);
        writer.write_all(b"x")?;
        while receiver.try_read(&mut [0; 2]).is_err() {
            turns(1).await;
        }
        Ok(())
    });
}

#[test]
fn every_task_that_waits_for_readiness_is_woken() {
    on_every_runtime(|_| async {
        let (receiver, mut writer) = pipes::receiver()?;
        clear_readable(&receiver).await;
        let receiver = Arc::new(receiver);
        let tasks = [(); 4].map(|()| {
            let receiver = receiver.clone();
            tokio::spawn(async move { receiver.ready(Interest::READABLE).await })
        });
        turns(5).await;
        writer.write_all(b"x")?;
        for task in tasks {
            assert!(task.await??.is_readable());
        }
        Ok(())
    });
}

#[test]
fn of_poll_functions_the_last_task_is_woken() {
    on_every_runtime(|_| async {
        let (receiver, mut writer) = pipes::receiver()?;
        clear_readable(&receiver).await;
        let (first, last) = (Wakes::new(), Wakes::new());
        for wakes in [&first, &last] {
            let wait = std::future::poll_fn(|cx| receiver.poll_read_ready(cx));
            assert!(wakes.poll(&mut Box::pin(wait)).is_pending());
        }
        writer.write_all(b"x")?;
        last.reach(1).await;
        assert_eq!(first.count(), 0);
        Ok(())
    });
}
