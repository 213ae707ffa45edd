//! Sockets that others hold too, or that leave their runtime; and listeners.

use crate::stack;
use crate::stack::net::{TcpListener, TcpSocket};
use crate::support::closing::{Before, closed, probe_closed, read_all};
use crate::support::pattern::Pattern;
use crate::support::poll::{Wakes, turns};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, any_port, client, pair};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use tokio::io::AsyncWriteExt;

#[test]
fn a_duplicate_keeps_the_connection_open_in_both_directions() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            for origin in Origin::ALL {
                let (mut stream, mut peer) = pair(origin).await?;
                before.happen(&mut stream).await;
                stream.write_all(&Pattern::new(1).bytes(100)).await?;
                let duplicate = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
                drop(stream);
                turns(3).await;
                let mut rest = Pattern::new(1);
                rest.skip(100);
                (&duplicate).write_all(&rest.bytes(100))?;
                peer.write_all(b"still here")?;
                duplicate.set_nonblocking(false)?;
                let mut received = [0; 10];
                (&duplicate).read_exact(&mut received)?;
                assert_eq!(&received, b"still here");
                drop(duplicate);
                read_all(&peer, 200);
                closed(&peer).await;
            }
        }
        Ok(())
    });
}

#[test]
fn a_stream_taken_out_of_its_runtime_is_held_by_nobody_else() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            for origin in Origin::ALL {
                let (mut stream, peer) = pair(origin).await?;
                before.happen(&mut stream).await;
                stream.write_all(&Pattern::new(1).bytes(100)).await?;
                let stream = stream.into_std()?;
                drop(stream);
                read_all(&peer, 100);
                assert!(probe_closed(&peer), "{before:?} {origin:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_stream_taken_out_of_its_runtime_receives_what_the_runtime_waited_for() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            for origin in Origin::ALL {
                let (mut stream, mut peer) = pair(origin).await?;
                before.happen(&mut stream).await;
                peer.write_all(&Pattern::new(1).bytes(100))?;
                turns(2).await;
                let (mut stream, mut received) = stack::into_std(stream)?;
                stream.set_nonblocking(false)?;
                let ahead = received.len();
                received.resize(100, 0);
                stream.read_exact(&mut received[ahead..])?;
                Pattern::new(1).check(&received);
            }
        }
        Ok(())
    });
}

#[test]
fn dropped_halves_close_the_stream_whatever_their_order() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            for read_first in [true, false] {
                let (mut stream, peer) = pair(Origin::Connected).await?;
                before.happen(&mut stream).await;
                let (read, mut write) = stream.into_split();
                write.write_all(&Pattern::new(1).bytes(100)).await?;
                if read_first {
                    drop(read);
                    drop(write);
                } else {
                    drop(write);
                    drop(read);
                }
                read_all(&peer, 100);
                closed(&peer).await;
            }
        }
        Ok(())
    });
}

/// Whether an accept was in flight must make no difference to those who come too late.
#[test]
fn a_dropped_listener_refuses_at_once_and_frees_its_port() {
    on_every_runtime(|_| async {
        for waits in [false, true] {
            let listener = TcpListener::bind(any_port()).await?;
            let address = listener.local_addr()?;
            if waits {
                let mut accept = Box::pin(listener.accept());
                assert!(Wakes::new().poll(&mut accept).is_pending());
                turns(2).await;
            }
            drop(listener);
            let refused = client(address).map_err(|error| error.kind());
            assert_eq!(refused.err(), Some(ErrorKind::ConnectionRefused));
            let again = TcpSocket::new_v4()?;
            again.bind(address)?;
            drop(again.listen(1)?);
        }
        Ok(())
    });
}

#[test]
fn a_dropped_listener_resets_who_was_not_accepted() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        let waiting = client(listener.local_addr()?)?;
        drop(listener);
        crate::support::closing::was_reset(&waiting);
        Ok(())
    });
}

#[test]
fn a_listener_taken_out_of_its_runtime_has_lost_no_connection() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        let mut accept = Box::pin(listener.accept());
        assert!(Wakes::new().poll(&mut accept).is_pending());
        turns(2).await;
        drop(accept);
        let waiting = client(listener.local_addr()?)?;
        turns(2).await;
        let listener = listener.into_std()?;
        let (_, address) = listener.accept()?;
        assert_eq!(address, waiting.local_addr()?);
        Ok(())
    });
}
