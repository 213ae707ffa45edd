//! Children that leave what they inherit alone.

use crate::support::child;
use crate::support::echo::clients;
use crate::support::fork::fork;
use crate::support::parent::Parent;
use crate::support::setup::{Flavour, Setup, for_each_setup, run_task};

/// Runs `test` for each set-up in a process of its own.
fn in_processes<T: Fn()>(this: &T, test: impl Fn(Setup)) {
    let in_child = child::runs_case(|case| test(case.parse().expect("the case is a set-up")));
    if !in_child {
        for_each_setup(|setup| child::run(this, &setup.to_string()));
    }
}

#[test]
fn a_child_that_exits_does_not_disturb_its_parent() {
    in_processes(&a_child_that_exits_does_not_disturb_its_parent, |setup| {
        let mut parent = Parent::start(setup);
        for _ in 0..3 {
            fork(|| {}).wait();
        }
        parent.goes_on();
    });
}

#[test]
fn a_child_forked_inside_a_task_does_not_disturb_its_parent() {
    let this = &a_child_forked_inside_a_task_does_not_disturb_its_parent;
    in_processes(this, |setup| {
        let mut parent = Parent::start(setup);
        run_task(&parent.runtime, async {
            fork(|| {}).wait();
            Ok(())
        });
        parent.goes_on();
    });
}

/// The parent has one thread, so that the child may do whatever it likes.
#[test]
fn a_child_runs_sockets_in_a_runtime_of_its_own() {
    in_processes(&a_child_runs_sockets_in_a_runtime_of_its_own, |setup| {
        if setup.flavour == Flavour::MultiThread {
            return;
        }
        let mut parent = Parent::start(setup);
        for own in Setup::all() {
            let child = fork(|| {
                run_task(&own.runtime(), async {
                    for client in &mut clients(3).await? {
                        for _ in 0..20 {
                            client.round(1_000).await?;
                        }
                    }
                    Ok(())
                });
            });
            child.wait();
        }
        parent.goes_on();
    });
}

#[test]
fn a_parent_goes_on_while_its_child_runs_a_runtime() {
    in_processes(&a_parent_goes_on_while_its_child_runs_a_runtime, |setup| {
        if setup.flavour == Flavour::MultiThread {
            return;
        }
        let mut parent = Parent::start(setup);
        // What the parent closes stays open as long as the child has it too.
        let idle = std::mem::take(&mut parent.idle);
        let child = fork(|| {
            run_task(&setup.runtime(), async {
                for client in &mut clients(3).await? {
                    for _ in 0..200 {
                        client.round(1_000).await?;
                    }
                }
                Ok(())
            });
        });
        parent.goes_on();
        child.wait();
        parent.idle = idle;
        parent.goes_on();
    });
}
