//! Each scenario runs on the stack under test and on `tokio::net`, in one runtime: every call must
//! answer the same.
#![expect(clippy::duplicate_mod, reason = "the same calls are compiled for both")]

use crate::support::setup::{for_each_setup, run_task};
use std::sync::mpsc::channel;

#[path = "../support"]
mod ours {
    use crate::stack::net;
    #[path = "scenarios.rs"]
    pub(super) mod scenarios;
}

#[path = "../support"]
mod tokios {
    use tokio::net;
    #[path = "scenarios.rs"]
    pub(super) mod scenarios;
}

#[test]
fn every_call_answers_as_tokios() {
    for_each_setup(|setup| {
        let ours = ours::scenarios::all();
        let tokios = tokios::scenarios::all();
        for ((name, ours), (_, tokios)) in ours.into_iter().zip(tokios) {
            let runtime = setup.runtime();
            let (tell, told) = channel();
            run_task(&runtime, async move {
                let traces = (ours().await?, tokios().await?);
                tell.send(traces).expect("the test waits");
                Ok(())
            });
            let (ours, tokios) = told.recv().expect("both have run");
            assert!(!tokios.is_empty(), "{name} calls nothing");
            assert_eq!(ours, tokios, "{name}");
        }
    });
}
