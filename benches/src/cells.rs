//! What can be measured: the cells, the runtime flavours and the variants of the server.

use std::fmt;

/// The protocol that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends back every byte it receives.
    Echo,
    /// Answers every HTTP/1.1 request with a short text, keep-alive, served by hyper.
    Hyper,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Echo => "echo",
            Kind::Hyper => "hyper",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Kind> {
        [Kind::Echo, Kind::Hyper]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One load: a protocol, a number of connections and, for echo, a message size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    pub(crate) connections: usize,
    /// The size of an echo message; 0 for hyper, whose request is fixed.
    pub(crate) message_bytes: usize,
}

impl Cell {
    /// The name that `--cell` takes, for example `echo-100x16k` or `hyper-10`.
    pub(crate) fn name(&self) -> String {
        match self.kind {
            Kind::Echo if self.message_bytes.is_multiple_of(1024) => {
                format!("echo-{}x{}k", self.connections, self.message_bytes / 1024)
            }
            Kind::Echo => format!("echo-{}x{}", self.connections, self.message_bytes),
            Kind::Hyper => format!("hyper-{}", self.connections),
        }
    }
}

/// Every cell, in the order of the report.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for message_bytes in [128, 16 * 1024] {
        for connections in [1, 10, 100, 1000] {
            cells.push(Cell {
                kind: Kind::Echo,
                connections,
                message_bytes,
            });
        }
    }
    for connections in [10, 100, 400] {
        cells.push(Cell {
            kind: Kind::Hyper,
            connections,
            message_bytes: 0,
        });
    }
    cells
}

/// The cells that `--cell NAME` stands for: one cell, or every cell of `echo` or `hyper`.
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
    /// `server::WORKERS` worker threads.
    MultiThread,
}

impl Flavour {
    pub(crate) const ALL: [Flavour; 2] = [Flavour::CurrentThread, Flavour::MultiThread];

    /// The name that `--runtime` takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flavour::CurrentThread => "current-thread",
            Flavour::MultiThread => "multi-thread",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Flavour> {
        Flavour::ALL
            .into_iter()
            .find(|flavour| flavour.name() == name)
    }
}

/// Whose socket types a server uses, and how it is told to use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// tokio::net: the A of every pair.
    Tokio,
    /// tokio::net once more: its distance from `Tokio` is the noise floor.
    TokioAgain,
    /// tokio-uring-net, the driver left to its own choice: the B of every pair.
    Ours,
    /// tokio-uring-net, told to use tokio's epoll.
    OursEpoll,
    /// tokio-uring-net, told to use io_uring.
    OursUring,
}

impl Variant {
    /// The socket types, as `serve --stack` takes them.
    pub(crate) fn stack(self) -> &'static str {
        match self {
            Variant::Tokio | Variant::TokioAgain => "tokio",
            Variant::Ours | Variant::OursEpoll | Variant::OursUring => "ours",
        }
    }

    /// The server's `TOKIO_URING_NET`, which tokio::net ignores.
    pub(crate) fn driver_choice(self) -> &'static str {
        match self {
            Variant::Tokio | Variant::TokioAgain | Variant::Ours => "auto",
            Variant::OursEpoll => "epoll",
            Variant::OursUring => "uring",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Variant::Tokio => "tokio",
            Variant::TokioAgain => "tokio again",
            Variant::Ours => "auto",
            Variant::OursEpoll => "epoll",
            Variant::OursUring => "uring",
        })
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
        assert_eq!(named("echo").len() + named("hyper").len(), all().len());
        assert!(named("echo-1").is_empty(), "a prefix is not a name");
    }
}
