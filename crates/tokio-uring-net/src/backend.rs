//! Which driver serves, and how to choose it. The choice itself is made in `ring_reactor`, in one
//! file; everything above it is the same code on both drivers.

pub use ring_reactor::{Builder, Driver, DriverChoice, Metrics, Mode, Reason, Status, metrics};

/// Says which driver serves the sockets of the current runtime, why, and what would bring io_uring
/// where it does not serve.
///
/// Makes the runtime's reactor if there is none yet. The answer changes if the ring fails later.
///
/// # Panics
/// Outside a tokio runtime; where a ring is to be made, also in one without `enable_io`.
///
/// # Examples
/// ```
/// use tokio_uring_net::{Driver, driver};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let status = driver();
/// println!("driver: {status}");
/// if status.driver() == Driver::Epoll {
///     println!("for io_uring: {:?}", status.remedy());
/// }
/// # }
/// ```
#[track_caller]
#[must_use]
pub fn driver() -> Status {
    ring_reactor::status()
}
