//! Runtimes that lend many receive buffers, one, or none.

use crate::stack::net::metrics;
use crate::support::fds::Fds;
use crate::support::setup::{Setup, for_each_setup, run_task};
use crate::support::tcp::warm_up;
use std::io;

/// How many receive buffers a runtime lends.
const POOLS: [usize; 3] = [1024, 1, 0];

/// Runs the future of `test` as a task of every runtime, with each pool. Its descriptors must be
/// closed and its buffers given back before the runtime ends.
pub(crate) fn on_every_pool<T, F>(test: T)
where
    T: Fn(Setup, usize) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    for_each_setup(|setup| {
        for pool in POOLS {
            println!("with {pool} receive buffers");
            let runtime = setup.bare_runtime();
            let settings = setup.stack.builder().recv_buffers(pool);
            let installed = runtime.block_on(async { settings.install() });
            installed.unwrap_or_else(|error| panic!("{setup}: {error}"));
            run_task(&runtime, warm_up());
            let before = Fds::now();
            run_task(&runtime, test(setup, pool));
            runtime.block_on(async {
                before.returned().await;
                assert_eq!(metrics().recv_buffers, 0);
                setup.stack.check_serves();
            });
        }
    });
}
