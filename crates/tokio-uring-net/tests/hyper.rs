//! hyper on `TcpStream`.
#![cfg(target_os = "linux")]

#[path = "cases/hyper_io.rs"]
mod io;
#[path = "stack/ours.rs"]
mod stack;
mod support;
