//! The columns: whose sockets a server uses, and how it is told to use them.

use std::fmt;

use crate::cells::{Flavour, Kind};

/// Which driver tokio-uring-net is to use; the library reads it.
const DRIVER: &str = "TOKIO_URING_NET";
/// In which mode its sockets are to be; the library reads it.
const MODE: &str = "TOKIO_URING_NET_MODE";
/// For how long it is to poll before it sleeps, in microseconds; the server reads it.
const BUSY_POLL_US: &str = "TOKIO_URING_NET_BUSY_POLL_US";

/// One column.
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
    /// tokio-uring-net in completion mode.
    Completion,
    /// tokio-uring-net in completion mode, told to use tokio's epoll.
    CompletionEpoll,
    /// tokio-uring-net, polling before it sleeps.
    Busy,
    /// tokio-uring-net on one current_thread runtime per CPU, against tokio::net on multi_thread.
    PerCore,
}

impl Variant {
    /// Those that `--variant` takes.
    const NAMED: [Variant; 6] = [
        Variant::OursEpoll,
        Variant::OursUring,
        Variant::Completion,
        Variant::CompletionEpoll,
        Variant::Busy,
        Variant::PerCore,
    ];
    /// Every variable that any variant sets; the others must not inherit it.
    pub(crate) const VARIABLES: [&str; 3] = [DRIVER, MODE, BUSY_POLL_US];

    pub(crate) fn from_name(name: &str) -> Option<Variant> {
        Variant::NAMED
            .into_iter()
            .find(|variant| variant.name() == name)
    }

    /// The names that `--variant` takes, in one line.
    pub(crate) fn names() -> String {
        Variant::NAMED.map(Variant::name).join(", ")
    }

    fn name(self) -> &'static str {
        match self {
            Variant::Tokio => "tokio",
            Variant::TokioAgain => "tokio again",
            Variant::Ours => "auto",
            Variant::OursEpoll => "epoll",
            Variant::OursUring => "uring",
            Variant::Completion => "completion",
            Variant::CompletionEpoll => "completion-epoll",
            Variant::Busy => "busy",
            Variant::PerCore => "per-core",
        }
    }

    /// The socket types, as `serve --stack` takes them.
    pub(crate) fn stack(self) -> &'static str {
        match self {
            Variant::Tokio | Variant::TokioAgain => "tokio",
            Variant::Ours
            | Variant::OursEpoll
            | Variant::OursUring
            | Variant::Busy
            | Variant::PerCore => "ours",
            Variant::Completion | Variant::CompletionEpoll => "integrated",
        }
    }

    /// What its server runs on in the rows of `row` in cells of `kind`; `None` where it is not measured.
    pub(crate) fn flavour(self, kind: Kind, row: Flavour) -> Option<Flavour> {
        match self {
            Variant::Tokio
            | Variant::TokioAgain
            | Variant::Ours
            | Variant::OursEpoll
            | Variant::OursUring
            | Variant::Completion
            | Variant::CompletionEpoll
            | Variant::Busy => Some(row),
            Variant::PerCore => matches!((kind, row), (Kind::Tcp(_), Flavour::MultiThread))
                .then_some(Flavour::PerCore),
        }
    }

    /// What the server finds in its environment. tokio::net ignores it.
    pub(crate) fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Variant::Tokio | Variant::TokioAgain | Variant::Ours | Variant::PerCore => {
                &[(DRIVER, "auto")]
            }
            Variant::OursEpoll => &[(DRIVER, "epoll")],
            Variant::OursUring => &[(DRIVER, "uring")],
            Variant::Completion => &[(DRIVER, "auto"), (MODE, "completion")],
            Variant::CompletionEpoll => &[(DRIVER, "epoll"), (MODE, "completion")],
            Variant::Busy => &[(DRIVER, "auto"), (BUSY_POLL_US, "50")],
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Protocol;

    #[test]
    fn every_named_variant_is_found_and_is_ours() {
        for variant in Variant::NAMED {
            assert_eq!(Variant::from_name(&variant.to_string()), Some(variant));
            assert_ne!(variant.stack(), Variant::Tokio.stack());
        }
        assert_eq!(Variant::from_name("tokio"), None);
    }

    #[test]
    fn no_variable_goes_from_one_variant_to_the_next() {
        for variant in Variant::NAMED {
            for (name, _) in variant.environment() {
                assert!(Variant::VARIABLES.contains(name), "{variant}: {name}");
            }
        }
    }

    #[test]
    fn one_runtime_per_core_is_held_against_multi_thread_on_tcp() {
        let tcp = Kind::Tcp(Protocol::Echo);
        let flavour = |kind, row| Variant::PerCore.flavour(kind, row);
        assert_eq!(flavour(tcp, Flavour::CurrentThread), None);
        assert_eq!(flavour(tcp, Flavour::MultiThread), Some(Flavour::PerCore));
        for other in [Kind::Udp, Kind::UdpMany, Kind::Unix] {
            assert_eq!(flavour(other, Flavour::MultiThread), None);
        }
    }
}
