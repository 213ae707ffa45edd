//! A listener as a stream of its connections.
#![cfg(target_os = "linux")]

#[path = "cases/listener_stream.rs"]
mod listener_stream;
#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "cases/unix_listener_stream.rs"]
mod unix_listener_stream;

use crate::stack::net::{Mode, TcpListenerStream, TcpSocket};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{any_port, client};
use tokio_stream::StreamExt;

/// What servers that take a stream rely on, because they set no options themselves.
#[test]
fn the_connections_have_the_mode_of_the_listener_and_inherit_its_nodelay() {
    on_every_runtime(|_| async {
        for (mode, nodelay) in [(Mode::Exact, false), (Mode::Completion, true)] {
            let socket = TcpSocket::new_v4()?;
            socket.set_nodelay(nodelay)?;
            socket.bind(any_port())?;
            let listener = socket.listen(8)?;
            listener.set_mode(mode);
            let _client = client(listener.local_addr()?)?;
            let mut connections = TcpListenerStream::new(listener);
            let stream = connections.next().await.expect("it never ends")?;
            assert_eq!((stream.mode(), stream.nodelay()?), (mode, nodelay));
        }
        Ok(())
    });
}
