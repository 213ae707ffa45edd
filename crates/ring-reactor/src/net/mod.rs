//! The socket engine: one socket type over both drivers, and streams in both modes.

mod accept;
pub(crate) mod epoll;
mod origin;
mod recv;
mod socket;
mod stream;

pub use self::accept::Connections;
pub use self::origin::Origin;
pub use self::recv::RecvInto;
pub use self::socket::{ReadyEvent, Socket};
pub use self::stream::{Refused, Stream};
pub use crate::flow::lease::Lease;
pub use crate::flow::send::Data;
pub use crate::ready::Direction;
pub use ring_core::datagrams::{Datagram, Datagrams, set_udp_gro};
pub use ring_core::peer_cred::{PeerCred, peer_cred};
