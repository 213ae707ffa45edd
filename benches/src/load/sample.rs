//! What a run of the closed loop measured.

use std::time::Duration;

use crate::histogram::Histogram;

/// What one run of the closed loop measured.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// CPU time of the server process, all its threads.
    pub(crate) server_cpu: Duration,
    /// CPU time of the generator's thread.
    pub(crate) generator_cpu: Duration,
    /// CPU time that everything else on the machine took from the CPUs in use.
    pub(crate) others_cpu: Duration,
    /// How many CPUs were in use.
    pub(crate) cpu_count: u32,
    /// How often the generator entered the kernel.
    pub(crate) enters: u64,
    /// Requests that were sent once more, because their response did not come in time.
    pub(crate) resent: u64,
    pub(crate) latency: Histogram,
}

/// What the caller of `Load::run` reads at the first and at the last moment of the measured time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    pub(crate) server_cpu: Duration,
    /// Idle time of the CPUs in use.
    pub(crate) idle: Duration,
    /// How many CPUs are in use.
    pub(crate) cpu_count: u32,
}

impl Sample {
    pub(crate) fn requests_per_second(&self) -> f64 {
        count(self.requests) / self.elapsed.as_secs_f64()
    }

    /// Server CPU time per request, in microseconds.
    pub(crate) fn cpu_us_per_request(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / count(self.requests)
    }

    /// How busy the server kept a CPU, in percent; more than 100 where it has several.
    pub(crate) fn server_busy_percent(&self) -> f64 {
        100.0 * self.server_cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// How many responses the generator found at a time: of the requests in flight, those that
    /// waited for the generator and not for the server.
    pub(crate) fn responses_per_enter(&self) -> f64 {
        count(self.requests) / count(self.enters)
    }

    /// The share of the CPUs in use that others took, in percent.
    pub(crate) fn disturbance_percent(&self) -> f64 {
        100.0 * self.others_cpu.as_secs_f64() / (self.elapsed * self.cpu_count).as_secs_f64()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sample has far fewer than 2^52 requests"
)]
fn count(requests: u64) -> f64 {
    requests as f64
}
