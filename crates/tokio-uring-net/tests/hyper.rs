//! hyper on `TcpStream`, and the server with graceful shutdown.
#![cfg(target_os = "linux")]

#[path = "cases/hyper_accept.rs"]
mod accept;
#[path = "cases/hyper_bodies.rs"]
mod bodies;
#[path = "cases/hyper_http1.rs"]
mod http1;
#[path = "cases/hyper_io.rs"]
mod io;
#[path = "cases/hyper_server.rs"]
mod server;
#[path = "stack/ours.rs"]
mod stack;
#[path = "cases/hyper_stop.rs"]
mod stop;
mod support;
#[path = "cases/hyper_upgrade.rs"]
mod upgrade;
