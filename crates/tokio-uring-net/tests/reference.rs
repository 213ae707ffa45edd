//! The same tests on `tokio::net` itself: what they state is tokio's behaviour.
#![cfg(target_os = "linux")]

mod cases {
    mod cancel_accept;
    mod cancel_connect;
    mod cancel_duplex;
    mod cancel_read;
    mod cancel_write;
    mod drop_delivery;
    mod drop_exit;
    mod drop_foreign;
    mod drop_reset;
    mod drop_shared;
    mod error_accept;
    mod error_kinds;
    mod fork_exec;
    mod fork_leave;
    mod listener_stream;
    mod pipe_cancel;
    mod pipe_end;
    mod pipe_fifo;
    mod pipe_leave;
    mod pipe_wait;
    mod readiness_beside;
    mod readiness_halves;
    mod readiness_states;
    mod readiness_urgent;
    mod readiness_waiters;
    mod readiness_zero;
    mod runtime_clock;
    mod runtime_end;
    mod runtime_outside;
    mod runtime_several;
    mod runtime_storm;
    mod runtime_threads;
    mod udgram_cancel;
    mod udgram_data;
    mod udgram_leave;
    mod udgram_wait;
    mod udp_cancel;
    mod udp_datagrams;
    mod udp_errors;
    mod udp_moves;
    mod udp_ready;
    mod unix_accept;
    mod unix_cancel;
    mod unix_end;
    mod unix_listener_stream;
    mod unix_names;
    mod unix_pass;
    mod unix_states;
}
#[path = "stack/reference.rs"]
mod stack;
mod support;
