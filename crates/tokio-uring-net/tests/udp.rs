//! `UdpSocket`: datagrams keep their bounds and their order, whatever is cancelled, moved or dropped.
#![cfg(target_os = "linux")]

mod cases {
    mod udp_cancel;
    mod udp_datagrams;
    mod udp_errors;
    mod udp_moves;
    mod udp_quiet;
    mod udp_ready;
    mod udp_tokio;
}
#[path = "stack/ours.rs"]
mod stack;
mod support;
