//! How a Unix stream ends, or leaves its runtime, whatever is in flight for it.

use crate::stack::net::{UnixListener, UnixStream};
use crate::support::closing::join;
use crate::support::poll::{Wakes, poll_once, turns};
use crate::support::setup::{Setup, for_each_setup, on_every_runtime, run_task};
use crate::support::unix::{Origin, clear_readable, client, end, listener, pair};
use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

/// What a stream did before it went: the driver may still hold something for it.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    ReadDropped,
    ReadableDropped,
}

impl Before {
    const ALL: [Before; 3] = [
        Before::Nothing,
        Before::ReadDropped,
        Before::ReadableDropped,
    ];

    async fn happen(self, stream: &mut UnixStream) {
        let wakes = Wakes::new();
        match self {
            Before::Nothing => {}
            Before::ReadDropped => {
                let mut buf = [0; 8];
                assert!(
                    wakes
                        .poll(&mut Box::pin(stream.read(&mut buf)))
                        .is_pending()
                );
            }
            Before::ReadableDropped => {
                clear_readable(stream).await;
                assert!(wakes.poll(&mut Box::pin(stream.readable())).is_pending());
            }
        }
        turns(2).await;
    }
}

#[test]
fn a_drop_ends_the_stream_and_unread_bytes_reset_it() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for before in Before::ALL {
                let (mut stream, peer) = pair(origin).await?;
                before.happen(&mut stream).await;
                drop(stream);
                assert_eq!(end(&peer), Ok(0), "{origin:?} {before:?}");

                let (mut stream, mut peer) = pair(origin).await?;
                before.happen(&mut stream).await;
                peer.write_all(b"never read")?;
                drop(stream);
                assert_eq!(end(&peer), Err(ErrorKind::ConnectionReset));
            }
        }
        Ok(())
    });
}

#[test]
fn so_does_a_drop_on_a_foreign_thread() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for before in Before::ALL {
                for unread in [&b""[..], b"never read"] {
                    let (mut stream, mut peer) = pair(origin).await?;
                    before.happen(&mut stream).await;
                    peer.write_all(unread)?;
                    let expected = if unread.is_empty() {
                        Ok(0)
                    } else {
                        Err(ErrorKind::ConnectionReset)
                    };
                    join(thread::spawn(move || {
                        drop(stream);
                        assert_eq!(end(&peer), expected, "{origin:?} {before:?}");
                    }))
                    .await?;
                }
            }
        }
        Ok(())
    });
}

#[test]
fn written_bytes_survive_the_drop() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            stream.write_all(b"the last words").await?;
            drop(stream);
            let mut received = String::new();
            peer.read_to_string(&mut received)?;
            assert_eq!(received, "the last words");
        }
        Ok(())
    });
}

#[test]
fn a_listener_that_goes_resets_who_was_not_accepted() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let mut accept = Box::pin(listener.accept());
        assert!(poll_once(&mut accept).await.is_pending());
        drop(accept);
        turns(3).await;
        let waiting = client(&address)?;
        drop(listener);
        assert_eq!(end(&waiting), Err(ErrorKind::ConnectionReset));
        Ok(())
    });
}

#[test]
fn into_std_keeps_every_byte_whatever_is_in_flight() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for before in Before::ALL {
                let (mut stream, mut peer) = pair(origin).await?;
                before.happen(&mut stream).await;
                peer.write_all(b"before")?;
                let mut stream = stream.into_std()?;
                peer.write_all(b" and after")?;
                stream.set_nonblocking(false)?;
                stream.write_all(b"answer")?;
                peer.shutdown(std::net::Shutdown::Write)?;
                let mut received = String::new();
                stream.read_to_string(&mut received)?;
                assert_eq!(received, "before and after");
                peer.read_exact(&mut [0; 6])?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_listener_that_leaves_keeps_its_queue() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let mut accept = Box::pin(listener.accept());
        assert!(poll_once(&mut accept).await.is_pending());
        drop(accept);
        let mut client = client(&address)?;
        client.write_all(b"hello")?;
        let listener = UnixListener::from_std(listener.into_std()?)?;
        let (mut stream, _) = listener.accept().await?;
        stream.read_exact(&mut [0; 5]).await?;
        Ok(())
    });
}

#[test]
fn halves_are_joined_whatever_is_in_flight() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            let (mut read, write) = stream.into_split();
            let mut buf = [0; 8];
            assert!(
                poll_once(&mut Box::pin(read.read(&mut buf)))
                    .await
                    .is_pending()
            );
            turns(2).await;
            let mut stream = read.reunite(write).expect("both are of one stream");
            peer.write_all(b"bytes")?;
            stream.read_exact(&mut buf[..5]).await?;
            stream.write_all(b"answer").await?;
            peer.read_exact(&mut [0; 6])?;
            let (read, write) = stream.into_split();
            let (other, _peer) = pair(origin).await?;
            let (other_read, other_write) = other.into_split();
            let error = read.reunite(other_write).expect_err("they are of two");
            assert_eq!(
                error.to_string(),
                "tried to reunite halves that are not from the same socket"
            );
            assert!(write.reunite(error.0).is_ok());
            assert!(error.1.reunite(other_read).is_ok());
        }
        Ok(())
    });
}

#[test]
fn a_write_half_that_goes_ends_its_direction_unless_it_is_forgotten() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            let (mut read, mut write) = stream.into_split();
            write.write_all(b"bytes").await?;
            drop(write);
            let mut received = String::new();
            peer.read_to_string(&mut received)?;
            assert_eq!(received, "bytes");
            peer.write_all(b"answer")?;
            read.read_exact(&mut [0; 6]).await?;

            let (stream, peer) = pair(origin).await?;
            let (read, write) = stream.into_split();
            write.forget();
            peer.set_nonblocking(true)?;
            assert_eq!(end(&peer), Err(ErrorKind::WouldBlock));
            drop(read);
            peer.set_nonblocking(false)?;
            assert_eq!(end(&peer), Ok(0));
        }
        Ok(())
    });
}

/// This set-up next to every other one.
fn with_every_other(test: impl Fn(Setup, Setup)) {
    for_each_setup(|one| Setup::available().for_each(|two| test(one, two)));
}

async fn make() -> io::Result<(UnixStream, UnixStream, UnixListener)> {
    let (one, two) = UnixStream::pair()?;
    Ok((one, two, listener()?.0))
}

async fn use_them(
    (one, two, listener): &mut (UnixStream, UnixStream, UnixListener),
) -> io::Result<()> {
    for _ in 0..20 {
        let mut buf = [0; 5];
        let (read, written) = tokio::join!(two.read_exact(&mut buf), one.write_all(b"bytes"));
        read.and(written)?;
        std::mem::swap(one, two);
    }
    let address = listener.local_addr()?;
    let (accepted, connected) = tokio::join!(listener.accept(), UnixStream::connect_addr(&address));
    connected?.write_all(b"bytes").await?;
    accepted?.0.read_exact(&mut [0; 5]).await.map(drop)
}

#[test]
fn sockets_work_in_a_runtime_that_they_were_not_made_in() {
    with_every_other(|home, abroad| {
        let (home, abroad) = (home.runtime(), abroad.runtime());
        let mut made = home.block_on(make()).expect("sockets can be made");
        let (stop, stopped) = oneshot::channel::<()>();
        let driver = thread::spawn(move || home.block_on(stopped));
        run_task(&abroad, async move {
            use_them(&mut made).await?;
            drop(made);
            stop.send(()).expect("the runtime waits");
            Ok(())
        });
        let stopped = driver.join().expect("nothing panics");
        stopped.expect("the task has told");
    });
}

#[test]
fn sockets_move_to_another_runtime_by_way_of_the_standard_library() {
    with_every_other(|home, abroad| {
        let home = home.runtime();
        let made = home.block_on(async {
            let mut made = make().await?;
            use_them(&mut made).await?;
            let (one, two, listener) = made;
            io::Result::Ok((one.into_std()?, two.into_std()?, listener.into_std()?))
        });
        let (one, two, listener) = made.expect("no call fails");
        drop(home);
        run_task(&abroad.runtime(), async move {
            let one = UnixStream::from_std(one)?;
            let two = UnixStream::from_std(two)?;
            use_them(&mut (one, two, UnixListener::from_std(listener)?)).await
        });
    });
}
