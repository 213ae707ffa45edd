//! Batches of datagrams: what `tokio::net` does not have.

use std::io;

use ring_reactor::net::{Datagrams, set_udp_gro};
use tokio::io::Interest;

use super::{ARRIVAL, UdpSocket};

impl UdpSocket {
    /// Waits for datagrams and receives those that are there, at most the capacity of `batch`; answers
    /// how many. What was in the batch is replaced.
    ///
    /// It is one system call for all of them, recvmmsg(2). After a burst it may leave some to the next
    /// call: it asks for some more than came last time.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped has received nothing, and the batch is as it was.
    ///
    /// # Errors
    /// As [`recv_from`](UdpSocket::recv_from). The batch is left as it was.
    ///
    /// # Examples
    /// A server that sends back what it is sent:
    /// ```
    /// use tokio_uring_net::{Datagrams, UdpSocket};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// let addr = server.local_addr()?;
    /// tokio::spawn(async move {
    ///     let mut batch = Datagrams::new(64, 1500);
    ///     loop {
    ///         server.recv_many(&mut batch).await?;
    ///         while !batch.is_empty() {
    ///             server.send_many(&mut batch).await?;
    ///         }
    ///     }
    ///     # #[allow(unreachable_code)]
    ///     # std::io::Result::Ok(())
    /// });
    ///
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// let mut batch = Datagrams::new(2, 1500);
    /// batch.push(b"one", addr)?;
    /// batch.push(b"two", addr)?;
    /// client.send_many(&mut batch).await?;
    /// client.recv_many(&mut batch).await?;
    /// let first = batch.iter().next().expect("at least one has come");
    /// assert_eq!(first.payload(), b"one");
    /// assert_eq!(first.peer(), Some(addr));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_many(&self, batch: &mut Datagrams) -> io::Result<usize> {
        let recv = || batch.recv(self.socket.fd());
        let moved = self.socket.async_batch(ARRIVAL, recv).await?;
        Ok(moved.count)
    }

    /// Does what [`recv_many`](UdpSocket::recv_many) does, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is no datagram; as [`recv_many`](UdpSocket::recv_many).
    pub fn try_recv_many(&self, batch: &mut Datagrams) -> io::Result<usize> {
        let recv = || batch.recv(self.socket.fd());
        let moved = self.socket.try_io(Interest::READABLE, recv)?;
        Ok(moved.count)
    }

    /// Sends the datagrams of `batch`, as many as the kernel has room for, and takes those out of it;
    /// answers how many left. It waits only while the kernel has no room for the first.
    ///
    /// It is one system call for all of them, sendmmsg(2).
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped has sent nothing.
    ///
    /// # Errors
    /// As [`send_to`](UdpSocket::send_to), of the first datagram. It stays in the batch, with those
    /// behind it: [`remove_first`](Datagrams::remove_first) takes out one that cannot be sent. What a
    /// later datagram meets is told by the next call, when that one is the first. But what the kernel
    /// reports of datagrams that left before (`ConnectionRefused` on a connected socket) it may report
    /// to a call that has sent others, and then nobody hears of it.
    ///
    /// # Examples
    /// See [`recv_many`](UdpSocket::recv_many).
    pub async fn send_many(&self, batch: &mut Datagrams) -> io::Result<usize> {
        let send = || batch.send(self.socket.fd());
        let moved = self.socket.async_batch(Interest::WRITABLE, send).await?;
        Ok(moved.count)
    }

    /// Does what [`send_many`](UdpSocket::send_many) does, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if the kernel has no room; as [`send_many`](UdpSocket::send_many).
    pub fn try_send_many(&self, batch: &mut Datagrams) -> io::Result<usize> {
        let send = || batch.send(self.socket.fd());
        let moved = self.socket.try_io(Interest::WRITABLE, send)?;
        Ok(moved.count)
    }

    /// Sets `UDP_GRO`: whether the kernel may join datagrams that came one after another, from one
    /// sender and of one size, into one payload. [`Datagram::segment_bytes`] tells their size.
    ///
    /// Only the calls that receive a batch can tell them apart, and the batch has to have room for
    /// 65,535 bytes each, or what does not fit is lost.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Kernel
    /// 5.0.
    ///
    /// [`Datagram::segment_bytes`]: crate::Datagram::segment_bytes
    ///
    /// # Examples
    /// ```
    /// use std::num::NonZeroU16;
    /// use tokio_uring_net::{Datagrams, UdpSocket};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let receiver = UdpSocket::bind("127.0.0.1:0").await?;
    /// receiver.set_gro(true)?;
    /// let sender = UdpSocket::bind("127.0.0.1:0").await?;
    ///
    /// // Three datagrams of 1,000 bytes leave the program as one.
    /// let segment = NonZeroU16::new(1_000).expect("not zero");
    /// let mut batch = Datagrams::new(8, 65_535);
    /// batch.push_segments(&[7; 3_000], segment, receiver.local_addr()?)?;
    /// sender.send_many(&mut batch).await?;
    ///
    /// receiver.recv_many(&mut batch).await?;
    /// for joined in batch.iter() {
    ///     let size = joined.segment_bytes().map_or(1_000, |size| size.get().into());
    ///     for datagram in joined.payload().chunks(size) {
    ///         assert_eq!(datagram, [7; 1_000]);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_gro(&self, on: bool) -> io::Result<()> {
        set_udp_gro(self.socket.fd(), on)
    }
}
