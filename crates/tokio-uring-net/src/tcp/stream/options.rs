//! The socket options of [`TcpStream`].

use std::io;
use std::time::Duration;

use socket2::SockRef;

use super::TcpStream;

impl TcpStream {
    /// Takes the error that waits on the socket: reads `SO_ERROR` and clears it.
    ///
    /// # Errors
    /// As getsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// assert!(stream.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.take_error()
    }

    /// Answers `TCP_NODELAY`. See [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn nodelay(&self) -> io::Result<bool> {
        SockRef::from(&self.stream.fd()).tcp_nodelay()
    }

    /// Sets `TCP_NODELAY`: whether small segments leave at once.
    ///
    /// Without it, Nagle's algorithm keeps a small segment back while an earlier one is not
    /// acknowledged.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        SockRef::from(&self.stream.fd()).set_tcp_nodelay(nodelay)
    }

    /// Answers `TCP_QUICKACK`. See [`set_quickack`](TcpStream::set_quickack).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn quickack(&self) -> io::Result<bool> {
        SockRef::from(&self.stream.fd()).tcp_quickack()
    }

    /// Sets `TCP_QUICKACK`: whether received segments are acknowledged at once instead of a little
    /// later.
    ///
    /// tcp(7): the setting is not permanent; Linux changes it again as the connection goes on.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_quickack(true)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        SockRef::from(&self.stream.fd()).set_tcp_quickack(quickack)
    }

    /// Answers `SO_LINGER`: how long a close waits for unsent bytes, `None` if it does not wait.
    ///
    /// See [`set_zero_linger`](TcpStream::set_zero_linger) and
    /// [`set_linger`](TcpStream::set_linger).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(&self.stream.fd()).linger()
    }

    /// Sets `SO_LINGER`: how long a close waits for unsent bytes, in whole seconds; `None` for a
    /// close that does not wait.
    ///
    /// With a duration above zero, dropping the stream blocks the thread it is dropped on. A
    /// program that must know that its bytes arrived shuts the stream down and reads to the end
    /// instead. [`set_zero_linger`](TcpStream::set_zero_linger) is the value that does not block.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// # #![allow(deprecated)]
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_linger(None)?;
    /// assert_eq!(stream.linger()?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[deprecated = "dropping a socket with `SO_LINGER` set blocks the thread"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        SockRef::from(&self.stream.fd()).set_linger(dur)
    }

    /// Sets `SO_LINGER` to zero: a close resets the connection.
    ///
    /// Bytes that the kernel has not sent yet are thrown away, the peer gets `ConnectionReset`
    /// instead of the end of the stream, and the socket leaves no `TIME_WAIT` behind.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio::io::AsyncReadExt;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut server, _) = listener.accept().await?;
    ///
    /// client.set_zero_linger()?;
    /// drop(client);
    /// let error = server.read(&mut [0; 8]).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_zero_linger(&self) -> io::Result<()> {
        SockRef::from(&self.stream.fd()).set_linger(Some(Duration::ZERO))
    }

    /// Answers `IP_TTL`: how many routers a packet of this socket may pass. See
    /// [`set_ttl`](TcpStream::set_ttl).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn ttl(&self) -> io::Result<u32> {
        SockRef::from(&self.stream.fd()).ttl_v4()
    }

    /// Sets `IP_TTL`: how many routers a packet of this socket may pass.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_ttl(123)?;
    /// assert_eq!(stream.ttl()?, 123);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        SockRef::from(&self.stream.fd()).set_ttl_v4(ttl)
    }
}
