//! Children that drop what they inherit. `tokio::net` does not survive this: a child's drop takes
//! the descriptor out of the epoll instance that it shares with its parent.

use crate::support::child;
use crate::support::fork::fork;
use crate::support::parent::Parent;
use crate::support::setup::{Flavour, Setup, for_each_setup};

/// Runs `test` for each set-up in a process of its own.
fn in_processes<T: Fn()>(this: &T, test: impl Fn(Setup)) {
    let in_child = child::runs_case(|case| test(case.parse().expect("the case is a set-up")));
    if !in_child {
        for_each_setup(|setup| child::run(this, &setup.to_string()));
    }
}

#[test]
fn a_child_that_drops_its_sockets_does_not_disturb_its_parent() {
    let this = &a_child_that_drops_its_sockets_does_not_disturb_its_parent;
    in_processes(this, |setup| {
        let mut parent = Parent::start(setup);
        let (clients, idle) = (&mut parent.clients, &mut parent.idle);
        fork(|| {
            clients.clear();
            idle.clear();
        })
        .wait();
        parent.goes_on();
    });
}

/// On the runtime's own thread a drop may do more than elsewhere.
#[test]
fn a_child_that_drops_its_sockets_inside_the_runtime_does_not_disturb_its_parent() {
    let this = &a_child_that_drops_its_sockets_inside_the_runtime_does_not_disturb_its_parent;
    in_processes(this, |setup| {
        let mut parent = Parent::start(setup);
        let (clients, idle) = (&mut parent.clients, &mut parent.idle);
        parent.runtime.block_on(async {
            fork(|| {
                clients.clear();
                idle.clear();
            })
            .wait();
        });
        parent.goes_on();
    });
}

/// The workers of a multi_thread runtime are not in the child, so that only this one can end there.
#[test]
fn a_child_that_drops_its_runtime_does_not_disturb_its_parent() {
    let this = &a_child_that_drops_its_runtime_does_not_disturb_its_parent;
    in_processes(this, |setup| {
        if setup.flavour == Flavour::MultiThread {
            return;
        }
        let mut parent = Some(Parent::start(setup));
        let inherited = &mut parent;
        fork(|| drop(inherited.take())).wait();
        parent.expect("the parent has its own").goes_on();
    });
}
