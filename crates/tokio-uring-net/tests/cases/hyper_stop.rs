//! How a server ends: told to, in time or not, or dropped.

use crate::server::{
    Boxed, answer, exchange, expect, expect_end, get, hello, refuses, start, start_echo, start_with,
};
use crate::stack::net::TcpListener;
use crate::stack::net::hyper::serve;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::any_port;
use hyper::service::service_fn;
use rustix::net::Shutdown;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[test]
fn a_request_in_flight_is_answered_and_idle_connections_end() {
    on_every_runtime(|setup| async move {
        let mut server = start(setup).await?;
        let mut silent = server.connect().await?;
        let mut idle = server.connect().await?;
        exchange(&mut idle, &get("/"), &hello("/")).await?;
        let mut busy = server.connect().await?;
        start_echo(&mut busy).await?;

        let (open, server) = server.stop().await?;
        assert_eq!(open, 3);
        expect_end(&mut silent).await;
        expect_end(&mut idle).await;
        busy.write_all(b"rest").await?;
        expect(&mut busy, b"rest").await?;
        expect_end(&mut busy).await;
        assert_eq!(server.await??.connections_cut, 0);
        Ok(())
    });
}

#[test]
fn connections_that_do_not_end_in_time_are_cut_and_counted() {
    on_every_runtime(|setup| async move {
        let configure = |serve: Boxed<_>| serve.drain_timeout(Duration::from_millis(1));
        let mut server = start_with(setup, service_fn(answer), configure).await?;
        let mut stuck = [server.connect().await?, server.connect().await?];
        for client in &mut stuck {
            start_echo(client).await?;
        }
        let (open, server) = server.stop().await?;
        assert_eq!(open, 2);
        assert_eq!(server.await??.connections_cut, 2);
        for client in &mut stuck {
            expect_end(client).await;
        }
        Ok(())
    });
}

#[test]
fn within_the_limit_a_request_in_flight_is_answered_and_then_nothing_is_waited_for() {
    on_every_runtime(|setup| async move {
        let configure = |serve: Boxed<_>| serve.drain_timeout(Duration::MAX);
        let mut server = start_with(setup, service_fn(answer), configure).await?;
        let mut busy = server.connect().await?;
        start_echo(&mut busy).await?;
        let (_, server) = server.stop().await?;
        exchange(&mut busy, b"rest", b"rest").await?;
        assert_eq!(server.await??.connections_cut, 0);
        Ok(())
    });
}

#[test]
fn dropping_a_server_cuts_its_connections() {
    on_every_runtime(|setup| async move {
        let mut server = start(setup).await?;
        let mut idle = server.connect().await?;
        exchange(&mut idle, &get("/"), &hello("/")).await?;
        let mut busy = server.connect().await?;
        start_echo(&mut busy).await?;

        server.task.abort();
        expect_end(&mut idle).await;
        expect_end(&mut busy).await;
        // On another thread the listener may go after the connections.
        let ended = server.task.await.expect_err("it was aborted");
        assert!(ended.is_cancelled());
        refuses(server.address).await
    });
}

#[test]
fn dropping_a_server_that_has_not_run_closes_its_listener() {
    on_every_runtime(|_| async move {
        let listener = TcpListener::bind(any_port()).await?;
        let address = listener.local_addr()?;
        drop(serve(listener, service_fn(answer)));
        refuses(address).await
    });
}

#[test]
fn a_listener_that_listens_no_more_ends_the_server_with_the_error() {
    on_every_runtime(|_| async move {
        let listener = TcpListener::bind(any_port()).await?;
        rustix::net::shutdown(&listener, Shutdown::Both)?;
        let ended = serve(listener, service_fn(answer)).await;
        let error = ended.expect_err("nothing can be accepted");
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{error}");
        io::Result::Ok(())
    });
}
