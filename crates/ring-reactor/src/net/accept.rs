//! Accepting, so that a connection is taken only while a caller waits, and is never lost.
//!
//! accept4(2) comes first, while the listening socket is taken to be ready. After `WouldBlock` the
//! ring accepts, with a peer address of its own, as long as an async caller waits. What it took
//! when the last caller had just gone waits for the next call. A caller of `poll_accept` cannot say
//! that it has stopped waiting: for it the ring only polls.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use ring_core::errno;
use ring_core::sockaddr::accept4;
use socket2::{SockAddr, SockRef};
use tokio::io::Interest;
use tokio::task::coop;

use super::socket::{ReadyEvent, Socket, View};
use crate::reactor::Reactor;
use crate::ready::Direction;
use crate::source::{Accepted, Source, Wait};

impl Socket {
    /// Accepts one connection; any number of tasks may wait. The new socket is non-blocking and
    /// close-on-exec.
    ///
    /// # Cancel safety
    /// Cancel safe: a connection that arrives with the cancellation waits for the next call.
    /// # Errors
    /// Of accept4(2); the next call works.
    pub async fn accept(&self) -> io::Result<(OwnedFd, SockAddr)> {
        loop {
            // The budget first: a connection in the hands of a pending future would go with it.
            let coop = std::future::poll_fn(coop::poll_proceed).await;
            if let Some(accepted) = self.take_accepted() {
                coop.made_progress();
                return accepted;
            }
            drop(coop);
            let event = self.ready_with(Interest::READABLE, Wait::Accept).await?;
            let coop = std::future::poll_fn(coop::poll_proceed).await;
            if let Some(accepted) = self.accept_now(event) {
                coop.made_progress();
                return accepted;
            }
        }
    }

    /// Accepts one connection for the task of `cx`, the last that called.
    ///
    /// # Errors
    /// Of accept4(2); the next call works.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(OwnedFd, SockAddr)>> {
        loop {
            let coop = ready!(coop::poll_proceed(cx));
            if let Some(accepted) = self.take_accepted() {
                coop.made_progress();
                return Poll::Ready(accepted);
            }
            drop(coop);
            let event = ready!(self.poll_ready(cx, Direction::Read))?;
            if let Some(accepted) = self.accept_now(event) {
                return Poll::Ready(accepted);
            }
        }
    }

    /// The connections as they come: the ring takes them ahead as long as the answer lives.
    #[must_use]
    pub fn connections(&self) -> Connections<'_> {
        if let Some(accept) = self.source().and_then(|source| source.accept_state()) {
            accept.lock().streams += 1;
        }
        Connections(self)
    }

    fn take_connection(&self) -> Option<Accepted> {
        match self.view() {
            Ok(View::Ring(source)) => source.take_accepted(),
            // What a ring accepted before it failed is still ours.
            Ok(View::Epoll(_)) => self.source().and_then(|source| source.take_accepted()),
            Err(_) => None,
        }
    }

    fn take_accepted(&self) -> Option<io::Result<(OwnedFd, SockAddr)>> {
        Some(self.take_connection()?.and_then(|(fd, peer)| match peer {
            Some(peer) => Ok((fd, peer.into_addr())),
            None => match SockRef::from(&fd).peer_addr() {
                Ok(peer) => Ok((fd, peer)),
                // It was reset while it waited: accept(2) says so too.
                Err(_) => Err(io::ErrorKind::ConnectionAborted.into()),
            },
        }))
    }

    /// Whether the ring has taken what there was since the last accept4(2).
    fn is_drained(&self) -> bool {
        let accept = self.source().and_then(|source| source.accept_state());
        accept.is_some_and(|accept| std::mem::take(&mut accept.lock().is_drained))
    }

    /// Tries accept4(2); `None`: wait.
    fn accept_now(&self, event: ReadyEvent<'_>) -> Option<io::Result<(OwnedFd, SockAddr)>> {
        if let Some(accepted) = self.take_accepted() {
            return Some(accepted);
        }
        if self.is_drained() && !Source::has_connection(self.fd()) {
            event.clear();
            return None;
        }
        let result = accept4(self.fd());
        let out_of_descriptors =
            |error: &io::Error| matches!(error.raw_os_error(), Some(errno::EMFILE | errno::ENFILE));
        let should_wait = match &result {
            Ok(_) => false,
            // The kernel reserves a descriptor before it looks for a connection; tokio's caller
            // hears of it only when there is one.
            Err(error) if out_of_descriptors(error) => !Source::has_connection(self.fd()),
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        if let Some(accept) = self.source().and_then(|source| source.accept_state()) {
            accept.lock().by_poll = matches!(&result, Err(error) if out_of_descriptors(error));
        }
        if should_wait {
            event.clear();
            return None;
        }
        Some(result)
    }
}

/// The connections of a listening socket, taken ahead: see [`Socket::connections`].
#[derive(Debug)]
pub struct Connections<'a>(&'a Socket);

impl Connections<'_> {
    /// Accepts the next one for the task of `cx`, the last that called.
    ///
    /// # Errors
    /// Of accept4(2); the next call works.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<io::Result<OwnedFd>> {
        let socket = self.0;
        loop {
            // A unit for each answer, or a task that goes on after errors would leave no other a turn.
            let coop = ready!(coop::poll_proceed(cx));
            if let Some(taken) = socket.take_connection() {
                coop.made_progress();
                return Poll::Ready(taken.map(|(fd, _)| fd));
            }
            let event = match socket.view()? {
                View::Ring(source) => match ready!(source.poll_connection(socket.fd(), cx)) {
                    Ok(snapshot) => ReadyEvent::of_ring(source, snapshot),
                    Err(_changed) => continue,
                },
                View::Epoll(_) => ready!(socket.poll_ready(cx, Direction::Read))?,
            };
            if let Some(accepted) = socket.accept_now(event) {
                coop.made_progress();
                return Poll::Ready(accepted.map(|(fd, _)| fd));
            }
        }
    }
}

impl Drop for Connections<'_> {
    /// What was taken ahead waits for the next accept.
    fn drop(&mut self) {
        let Some(source) = self.0.source() else {
            return;
        };
        if let Some(accept) = source.accept_state() {
            accept.lock().streams -= 1;
            Reactor::review_accept(source);
        }
    }
}
