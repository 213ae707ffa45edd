//! Cores that serve: their listeners, their threads, their tasks.

use crate::stack::Stack;
use crate::stack::net::TcpListener;
use crate::stack::net::per_core::{Core, PerCore};
use crate::support::setup::{Flavour, for_each_setup};
use crate::support::tcp::{any_port, client};
use rustix::thread::{CpuSet, sched_getaffinity};
use socket2::{Domain, Socket, Type};
use std::collections::HashSet;
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use tokio::io::AsyncWriteExt;

/// How many connections the kernel may give to one core before the other counts as idle.
const CONNECTIONS_MAX: usize = 1_000;

/// Two CPUs; the same twice where there is only one.
pub(super) fn two_cpus() -> [usize; 2] {
    let usable = sched_getaffinity(None).expect("a thread may ask");
    let mut cpus = (0..CpuSet::MAX_CPU).filter(|cpu| usable.is_set(*cpu));
    let first = cpus.next().expect("this thread runs somewhere");
    [first, cpus.next().unwrap_or(first)]
}

/// Runs `test` with two cores on each driver that this machine has.
pub(super) fn on_both_drivers(test: impl Fn(PerCore, Stack)) {
    for_each_setup(|setup| {
        if setup.flavour == Flavour::MultiThread {
            return;
        }
        let builder = setup.stack.builder();
        test(
            PerCore::new().cpus(two_cpus()).builder(builder),
            setup.stack,
        );
    });
}

/// Answers every connection with the index of the core, until the cores are to stop.
async fn answer(core: &Core, listener: &TcpListener) -> io::Result<()> {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let index = u8::try_from(core.index()).expect("there are two");
                accepted?.0.write_all(&[index]).await?;
            }
            () = core.stopped() => return Ok(()),
        }
    }
}

/// Connects until as many cores have answered as there are addresses, which are the same. It never
/// panics: the cores wait for its end.
fn meet_every_core(addresses: &[SocketAddr]) -> io::Result<()> {
    let mut met = HashSet::new();
    for address in addresses.iter().cycle().take(CONNECTIONS_MAX) {
        let mut index = [0];
        client(*address)?.read_exact(&mut index)?;
        met.insert(index);
        if met.len() == addresses.len() {
            let is_one = addresses.iter().all(|other| other == address);
            return is_one
                .then_some(())
                .ok_or_else(|| io::Error::other("several ports"));
        }
    }
    Err(io::Error::other(format!("only {met:?} have answered")))
}

#[test]
fn every_core_serves_connections_on_one_port() {
    on_both_drivers(|cores, stack| {
        let address = any_port();
        let (tell, told) = mpsc::channel();
        let clients = thread::spawn(move || {
            let told = told.iter().take(2);
            let (cores, addresses): (Vec<Core>, Vec<_>) = told.unzip();
            let met = meet_every_core(&addresses);
            // From outside, too.
            cores[0].stop();
            met
        });
        let served = cores.run(async |core| {
            let listener = core.listen(address).inspect_err(|_| core.stop())?;
            let listens = tell.send((core.clone(), listener.local_addr()?));
            assert!(listens.is_ok(), "the clients wait");
            let answered = answer(&core, &listener).await;
            stack.check_serves();
            answered
        });
        let served = served.expect("the cores can be set up");
        assert!(served.iter().all(Result::is_ok), "{served:?}");
        let met = clients.join().expect("every core answers");
        met.expect("no connection fails");
    });
}

#[test]
fn port_0_is_the_same_on_every_core_and_another_each_time() {
    on_both_drivers(|cores, _| {
        let address = any_port();
        let ports = cores.run(async |core| {
            let first = core.listen(address)?.local_addr()?;
            // The first listener is gone by now, and its port still the cores'.
            let second = core.listen(address)?;
            let second_address = second.local_addr()?;
            // It is theirs by its own name, too, while they listen there.
            let joined = core.listen(second_address)?;
            assert_eq!(joined.local_addr()?, second_address);
            io::Result::Ok(([first, second_address], core))
        });
        let ports = ports.expect("the cores can be set up").into_iter();
        let ports: Vec<_> = ports.collect::<Result<_, _>>().expect("ports are free");
        let (ports, _kept): (Vec<_>, Vec<_>) = ports.into_iter().unzip();
        assert_eq!(ports[0], ports[1]);
        assert_ne!(ports[0][0], ports[0][1]);
        // They are free again, whoever keeps a core.
        for address in ports[0] {
            // Without SO_REUSEADDR, which a port that is only bound does not keep out.
            let bound = Socket::new(Domain::IPV4, Type::STREAM, None)
                .and_then(|socket| socket.bind(&address.into()));
            bound.expect("nobody has the port");
        }
    });
}

/// Two runs of the same program would share the connections otherwise, and nobody would know.
#[test]
fn an_address_where_somebody_else_listens_is_in_use() {
    on_both_drivers(|cores, _| {
        let foreign = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets can be made");
        let listens = foreign
            .set_reuse_port(true)
            .and_then(|()| foreign.set_reuse_address(true))
            .and_then(|()| foreign.bind(&any_port().into()))
            .and_then(|()| foreign.listen(8))
            .and_then(|()| foreign.local_addr());
        let address = listens.expect("a port is free").as_socket();
        let address = address.expect("it is an internet address");
        let tried = cores.run(async |core| core.listen(address).map(drop));
        for tried in tried.expect("the cores can be set up") {
            let error = tried.expect_err("somebody listens there");
            assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
        }
    });
}

#[test]
fn a_core_stays_on_its_cpu_and_its_blocking_threads_need_not() {
    let runs_on = || sched_getaffinity(None).expect("a thread may ask");
    let usable = runs_on();
    on_both_drivers(|cores, _| {
        let order = cores.run(async |core| {
            let mut own = CpuSet::new();
            own.set(core.cpu());
            assert_eq!(runs_on(), own);
            let blocking = tokio::task::spawn_blocking(runs_on).await;
            assert_eq!(blocking.expect("it can be asked"), usable);
            (core.index(), core.cpu())
        });
        let [first, second] = two_cpus();
        assert_eq!(
            order.expect("the cores can be set up"),
            [(0, first), (1, second)]
        );
    });
}

#[test]
fn futures_need_not_be_send_and_may_borrow() {
    on_both_drivers(|cores, _| {
        let text = String::from("borrowed");
        let results = cores.run(async |core| {
            let shared = Rc::new(core.index());
            let task = tokio::task::spawn_local({
                let shared = shared.clone();
                async move { *shared }
            });
            let index = task.await.expect("a task can be spawned");
            (index, *shared, text.as_str())
        });
        assert_eq!(
            results.expect("the cores can be set up"),
            [(0, 0, "borrowed"), (1, 1, "borrowed")]
        );
    });
}
