//! Pipes: no byte is lost or sent by a cancelled call, and what tokio's own tests leave out.
#![cfg(target_os = "linux")]

#[path = "cases/pipe_cancel.rs"]
mod cancel;
#[path = "cases/pipe_end.rs"]
mod end;
#[path = "cases/pipe_fifo.rs"]
mod fifo;
#[path = "cases/pipe_leave.rs"]
mod leave;
#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "cases/pipe_wait.rs"]
mod wait;
