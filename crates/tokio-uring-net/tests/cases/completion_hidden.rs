//! A reset that a send of ours has met, and calls that look at the kernel past the stream.

use crate::flow::{Sender, on_every_runtime, reset_stream};
use crate::stack::net::{IntoStdError, TcpStream};
use crate::support::poll::{BoxFuture, turns};
use crate::support::tcp::Origin;
use socket2::SockRef;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read};
use tokio::io::{AsyncReadExt, Interest, ReadBuf};

type Call = fn(TcpStream) -> BoxFuture<'static, io::Result<usize>>;

/// With a queue behind a reset: the call, or the driver before it, sends into the closed connection.
/// An answer of 0 would say that the peer has ended the stream in good order.
fn reports(call: Call) {
    on_every_runtime(move |_| async move {
        for origin in Origin::ALL {
            for sender in [Sender::Call, Sender::Turn] {
                let stream = reset_stream(origin, true, sender).await?;
                let answer = call(stream).await.map_err(|error| error.kind());
                let reset = Err(ErrorKind::ConnectionReset);
                assert_eq!(answer, reset, "{origin:?} {sender:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_peek_reports_a_reset_behind_a_queued_write() {
    reports(|stream| Box::pin(async move { stream.peek(&mut [0; 8]).await }));
}

#[test]
fn a_poll_of_a_peek_reports_a_reset_behind_a_queued_write() {
    reports(|stream| {
        Box::pin(async move {
            let mut buf = [0; 8];
            let mut buf = ReadBuf::new(&mut buf);
            poll_fn(|cx| stream.poll_peek(cx, &mut buf)).await
        })
    });
}

#[test]
fn a_receive_of_the_programs_own_reports_a_reset_behind_a_queued_write() {
    reports(|stream| {
        Box::pin(async move {
            let read = || (&*SockRef::from(&stream)).read(&mut [0; 8]);
            stream.async_io(Interest::READABLE, read).await
        })
    });
}

#[test]
fn a_tried_receive_of_the_programs_own_reports_a_reset_behind_a_queued_write() {
    reports(|stream| {
        Box::pin(async move {
            loop {
                let read = || (&*SockRef::from(&stream)).read(&mut [0; 8]);
                match stream.try_io(Interest::READABLE, read) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => turns(1).await,
                    answer => return answer,
                }
            }
        })
    });
}

/// The conversion says so, or the first read on what it gives or gives back.
#[test]
fn a_stream_that_becomes_std_reports_a_reset_behind_a_queued_write() {
    reports(|stream| {
        Box::pin(async move {
            let refused = match stream.into_std() {
                Ok(mut stream) => return stream.read(&mut [0; 8]),
                Err(error) => error.downcast::<IntoStdError>()?,
            };
            let mut stream = refused.into_stream();
            AsyncReadExt::read(&mut stream, &mut [0; 8]).await
        })
    });
}
