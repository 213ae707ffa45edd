//! What can be measured: the cells and the runtime flavours.

/// Which sockets a server has, and what it does with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp(Protocol),
    /// Sends back every datagram that its one UDP socket receives.
    Udp,
    /// The same, by as many datagrams at a time as there are, where the stack has calls for that.
    UdpMany,
    /// Sends back every byte it receives on its Unix connections.
    Unix,
}

/// What a server speaks on its TCP connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Sends back every byte it receives.
    Echo,
    /// Answers every HTTP/1.1 request with a short text, keep-alive, served by hyper.
    Hyper,
    /// Answers a request with several small writes, and flushes none.
    Writes,
    /// Reads the length of a frame, then the frame, and sends it back; no buffer in between.
    Framed,
    /// Answers a request with much.
    StreamOut,
    /// Answers one request, then closes the connection.
    Short,
}

impl Kind {
    const ALL: [Kind; 9] = [
        Kind::Tcp(Protocol::Echo),
        Kind::Tcp(Protocol::Hyper),
        Kind::Tcp(Protocol::Writes),
        Kind::Tcp(Protocol::Framed),
        Kind::Tcp(Protocol::StreamOut),
        Kind::Tcp(Protocol::Short),
        Kind::Udp,
        Kind::UdpMany,
        Kind::Unix,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Tcp(Protocol::Echo) => "echo",
            Kind::Tcp(Protocol::Hyper) => "hyper",
            Kind::Tcp(Protocol::Writes) => "writes",
            Kind::Tcp(Protocol::Framed) => "framed",
            Kind::Tcp(Protocol::StreamOut) => "stream-out",
            Kind::Tcp(Protocol::Short) => "short",
            Kind::Udp => "udp",
            Kind::UdpMany => "udp-many",
            Kind::Unix => "unix",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One load: a protocol, a number of connections and what else the protocol leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    /// Where there are none: ports of the generator.
    pub(crate) connections: usize,
    /// The size of an echo message; 0 elsewhere, where all sizes are fixed.
    pub(crate) message_bytes: usize,
    /// How many writes an answer consists of, or how many frames a request; 1 elsewhere.
    pub(crate) parts: usize,
}

impl Cell {
    /// The name that `--cell` takes, for example `echo-100x16k`, `hyper-10` or `writes-8x100`.
    pub(crate) fn name(&self) -> String {
        match self.kind {
            Kind::Tcp(Protocol::Echo) | Kind::Udp | Kind::UdpMany | Kind::Unix => {
                let size = if self.message_bytes.is_multiple_of(1024) {
                    format!("{}k", self.message_bytes / 1024)
                } else {
                    self.message_bytes.to_string()
                };
                format!("{}-{}x{size}", self.kind.name(), self.connections)
            }
            Kind::Tcp(Protocol::Hyper | Protocol::StreamOut | Protocol::Short) => {
                format!("{}-{}", self.kind.name(), self.connections)
            }
            Kind::Tcp(Protocol::Writes | Protocol::Framed) => {
                format!("{}-{}x{}", self.kind.name(), self.parts, self.connections)
            }
        }
    }
}

/// What a server does for each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) kind: Kind,
    /// As in a cell; only `writes` needs it.
    pub(crate) parts: usize,
    /// Size of the connection's buffer, where it has one.
    pub(crate) buffer_bytes: usize,
}

/// Every cell, in the order of the report.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for connections in [1, 10, 100, 500, 1000] {
        cells.push(echo(Kind::Tcp(Protocol::Echo), connections, 128));
    }
    for connections in [1, 10, 100, 1000] {
        cells.push(echo(Kind::Tcp(Protocol::Echo), connections, 16 * 1024));
    }
    cells.push(echo(Kind::Tcp(Protocol::Echo), 10, 64 * 1024));
    for connections in [10, 100, 400] {
        cells.push(fixed(Protocol::Hyper, connections, 1));
    }
    for (protocol, parts) in [
        (Protocol::Writes, 2),
        (Protocol::Writes, 8),
        (Protocol::Framed, 1),
        (Protocol::Framed, 16),
    ] {
        for connections in [10, 100] {
            cells.push(fixed(protocol, connections, parts));
        }
    }
    for connections in [1, 10] {
        cells.push(fixed(Protocol::StreamOut, connections, 1));
    }
    for connections in [10, 50, 200] {
        cells.push(fixed(Protocol::Short, connections, 1));
    }
    for (kind, ports) in [(Kind::Udp, &[1, 10, 100][..]), (Kind::UdpMany, &[10, 100])] {
        for message_bytes in [64, 1200] {
            for &count in ports {
                cells.push(echo(kind, count, message_bytes));
            }
        }
    }
    for (connections, message_bytes) in [(10, 128), (100, 128), (100, 1024)] {
        cells.push(echo(Kind::Unix, connections, message_bytes));
    }
    cells
}

fn echo(kind: Kind, connections: usize, message_bytes: usize) -> Cell {
    Cell {
        kind,
        connections,
        message_bytes,
        parts: 1,
    }
}

fn fixed(protocol: Protocol, connections: usize, parts: usize) -> Cell {
    Cell {
        kind: Kind::Tcp(protocol),
        connections,
        message_bytes: 0,
        parts,
    }
}

/// The cells that `--cell NAME` stands for: one cell, or every cell of a kind.
pub(crate) fn named(name: &str) -> Vec<Cell> {
    all()
        .into_iter()
        .filter(|cell| cell.name() == name || cell.kind.name() == name)
        .collect()
}

/// The tokio runtime that a server runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    CurrentThread,
    /// `server::workers` worker threads.
    MultiThread,
    /// A current_thread runtime for every CPU. One variant's answer to multi_thread, with no rows of
    /// its own.
    PerCore,
}

impl Flavour {
    /// Those that have rows.
    pub(crate) const ALL: [Flavour; 2] = [Flavour::CurrentThread, Flavour::MultiThread];

    /// The name that `--runtime` takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flavour::CurrentThread => "current-thread",
            Flavour::MultiThread => "multi-thread",
            Flavour::PerCore => "per-core",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Flavour> {
        [Flavour::PerCore]
            .into_iter()
            .chain(Flavour::ALL)
            .find(|flavour| flavour.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_found_by_its_own_name_alone() {
        for cell in all() {
            assert_eq!(named(&cell.name()), [cell]);
        }
    }

    #[test]
    fn a_family_name_stands_for_all_its_cells() {
        let found: Vec<Cell> = Kind::ALL
            .iter()
            .flat_map(|kind| named(kind.name()))
            .collect();
        assert_eq!(found, all());
        assert!(Kind::ALL.iter().all(|kind| !named(kind.name()).is_empty()));
        assert!(named("echo-1").is_empty(), "a prefix is not a name");
    }
}
