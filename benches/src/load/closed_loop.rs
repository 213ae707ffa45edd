//! The closed loop: as soon as a response is there, the next request follows.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use io_uring::types::Timespec;
use io_uring::{CompletionQueue, IoUring, SubmissionQueue, Submitter};
use rustix::time::{ClockId, clock_gettime};

use crate::Failure;
use crate::histogram::Histogram;
use crate::load::connections::{self, Connections};
use crate::load::exchange::{After, Exchange, RESPONSES_BYTES};
use crate::load::sample::{Counters, Sample};
use crate::raw::{self, StaticEntry};

/// Time between the first request and the first counted one.
const WARM_UP: Duration = Duration::from_millis(200);
/// A server that answers nothing for this long has lost a request.
pub(super) const STALL: Duration = Duration::from_secs(5);
static STALL_TIMESPEC: Timespec = Timespec::new().sec(STALL.as_secs());
/// A datagram that is not answered for this long is taken to be lost. That is far longer than a
/// server that runs needs: one that was late only would be in flight twice from then on.
const LOST: Duration = Duration::from_millis(100);
static LOST_TIMESPEC: Timespec = Timespec::new().nsec(LOST.subsec_nanos());
/// `user_data` of the timeouts; the other operations carry the index of their connection.
const WATCHDOG: u64 = u64::MAX;
const RESEND: u64 = u64::MAX - 1;

/// Where all responses of all connections go: nobody reads them but for their last byte.
static RESPONSES: [AtomicU8; RESPONSES_BYTES] = [const { AtomicU8::new(0) }; RESPONSES_BYTES];

/// Keeps one request in flight on each connection; `counters` are read at the first and at the last
/// moment of the measured time.
pub(super) fn run(
    connections: &mut Connections,
    exchange: Exchange,
    measured: Duration,
    counters: impl Fn() -> io::Result<Counters>,
) -> Result<Sample, Failure> {
    let entries = u32::try_from(2 * connections.count() + 2)?.next_power_of_two();
    if exchange.received_at(connections.count()).end > RESPONSES.len() {
        return Err("the generator has no room for so many responses".into());
    }
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(entries)
        .map_err(|error| {
            format!(
                "the load generator needs io_uring \
                 (kernel 6.1, not forbidden by sysctl or seccomp): {error}"
            )
        })?;
    let sent_at = vec![None; connections.count()];
    let (mut submitter, submissions, completions) = ring.split();
    submitter.register_ring_fd()?;
    let mut closed_loop = Loop {
        connections,
        exchange,
        submitter,
        submissions,
        completions,
        sent_at,
        in_flight: 0,
        enters: 0,
        resent: 0,
        answered: 0,
        answered_at_last_tick: 0,
    };
    let sample = closed_loop.run(measured, counters);
    // The kernel keeps a registration beyond the ring's end, and has room for 16 per thread.
    closed_loop.submitter.unregister_ring_fd()?;
    sample
}

/// The server's and the generator's counters at one moment.
struct Mark {
    at: Instant,
    counters: Counters,
    generator_cpu: Duration,
    enters: u64,
    resent: u64,
}

/// The part of a run that the loop is in.
enum Phase {
    WarmUp,
    Measure {
        begin: Mark,
    },
    /// No request is sent any more; those in flight are waited for.
    Drain {
        begin: Mark,
        end: Mark,
    },
}

struct Loop<'a> {
    connections: &'a mut Connections,
    exchange: Exchange,
    submitter: Submitter<'a>,
    submissions: SubmissionQueue<'a>,
    completions: CompletionQueue<'a>,
    /// When each connection's request was sent; `None` if none is in flight.
    sent_at: Vec<Option<Instant>>,
    in_flight: usize,
    enters: u64,
    resent: u64,
    /// Responses so far, warm-up and drain included.
    answered: u64,
    /// `answered` when the watchdog last looked.
    answered_at_last_tick: u64,
}

impl Loop<'_> {
    fn run(
        &mut self,
        measured: Duration,
        counters: impl Fn() -> io::Result<Counters>,
    ) -> Result<Sample, Failure> {
        self.arm_watchdog()?;
        if self.connections.may_lose() {
            self.arm_resend()?;
        }
        let start = Instant::now();
        for index in 0..self.connections.count() {
            self.send(index, start)?;
        }
        let mut phase = Phase::WarmUp;
        let (mut requests, mut latency) = (0, Histogram::new());
        loop {
            let now = self.wait()?;
            phase = match phase {
                Phase::WarmUp if now >= start + WARM_UP => Phase::Measure {
                    begin: self.mark(now, &counters)?,
                },
                Phase::Measure { begin } if now >= begin.at + measured => Phase::Drain {
                    begin,
                    end: self.mark(now, &counters)?,
                },
                unchanged => unchanged,
            };
            while let Some((index, sent_at)) = self.next_response()? {
                if let Phase::Measure { .. } = phase {
                    requests += 1;
                    latency.record(now.duration_since(sent_at));
                }
                if !matches!(phase, Phase::Drain { .. }) {
                    self.send(index, now)?;
                }
            }
            match phase {
                Phase::Drain { begin, end } if self.in_flight == 0 => {
                    return Ok(sample(&begin, &end, requests, latency));
                }
                unfinished => phase = unfinished,
            }
        }
    }

    fn mark(&self, at: Instant, counters: impl Fn() -> io::Result<Counters>) -> io::Result<Mark> {
        let generator_cpu = clock_gettime(ClockId::ThreadCPUTime);
        Ok(Mark {
            at,
            counters: counters()?,
            generator_cpu: Duration::try_from(generator_cpu).map_err(io::Error::other)?,
            enters: self.enters,
            resent: self.resent,
        })
    }

    /// Queues a request and the wait for its response.
    fn send(&mut self, index: usize, now: Instant) -> io::Result<()> {
        let socket = self.connections.ready(index)?;
        let response = &RESPONSES[self.exchange.received_at(index)];
        // usize is at most 64 bits wide on every platform that Rust has.
        let token = index as u64;
        let receive = StaticEntry::receive(socket, response, token);
        // There is room: a connection queues again only after a submit has taken its last entries.
        match self.exchange.after {
            After::Waits => {
                let send = StaticEntry::send(socket, self.exchange.request, token);
                raw::push(&mut self.submissions, &send)?;
            }
            After::Closes => {
                // The bytes may come long before the end of the connection, which completes the RECV.
                RESPONSES[self.exchange.last_byte_at(index)].store(0, Ordering::Relaxed);
                // As with most clients, the request follows at once, not after all other connects.
                connections::send(socket, self.exchange.request)?;
            }
        }
        raw::push(&mut self.submissions, &receive)?;
        self.sent_at[index] = Some(now);
        self.in_flight += 1;
        Ok(())
    }

    /// Submits what is queued and waits for a CQE; answers when that was.
    ///
    /// One time stamp serves the whole batch: it ends the latency of the responses in it and begins
    /// that of the requests that follow them, so that no time goes uncounted.
    fn wait(&mut self) -> io::Result<Instant> {
        match self.exchange.after {
            // All places share one response: it has to come again from here on.
            After::Waits => RESPONSES[self.exchange.last_byte_at(0)].store(0, Ordering::Relaxed),
            After::Closes => {}
        }
        self.submissions.sync();
        // A CQE that the kernel does not know to be read would end the wait at once.
        self.completions.sync();
        self.enters += 1;
        match self.submitter.submit_and_wait(1) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        self.submissions.sync();
        self.completions.sync();
        Ok(Instant::now())
    }

    /// The connection of the next response in the CQ, and when its request was sent; `None` when the
    /// CQ has been read to its end.
    fn next_response(&mut self) -> Result<Option<(usize, Instant)>, Failure> {
        let Some(cqe) = self.completions.next() else {
            return Ok(None);
        };
        if cqe.user_data() == WATCHDOG {
            if self.answered == self.answered_at_last_tick {
                return Err(format!(
                    "the server has not answered for {STALL:?}; {} of {} requests are open",
                    self.in_flight,
                    self.connections.count()
                )
                .into());
            }
            self.answered_at_last_tick = self.answered;
            self.arm_watchdog()?;
            return self.next_response();
        }
        if cqe.user_data() == RESEND {
            self.resend()?;
            self.arm_resend()?;
            return self.next_response();
        }
        match usize::try_from(cqe.result()) {
            Ok(received) if received == self.exchange.response_bytes => {}
            Ok(received) => return Err(format!("a response ended after {received} bytes").into()),
            Err(_) => return Err(io::Error::from_raw_os_error(-cqe.result()).into()),
        }
        let index = usize::try_from(cqe.user_data())?;
        let last = RESPONSES[self.exchange.last_byte_at(index)].load(Ordering::Relaxed);
        if last != self.exchange.response_last {
            return Err("a response is out of step with its request".into());
        }
        let sent_at = self.sent_at[index].take();
        let sent_at = sent_at.ok_or("a response without a request")?;
        self.in_flight -= 1;
        self.answered += 1;
        self.connections.answered(index);
        Ok(Some((index, sent_at)))
    }

    /// Sends the requests once more whose responses are overdue; their RECVs are still there.
    fn resend(&mut self) -> io::Result<()> {
        let now = Instant::now();
        for (index, sent_at) in self.sent_at.iter().enumerate() {
            if sent_at.is_some_and(|sent_at| now >= sent_at + LOST) {
                connections::send(self.connections.ready(index)?, self.exchange.request)?;
                self.resent += 1;
            }
        }
        Ok(())
    }

    fn arm_resend(&mut self) -> io::Result<()> {
        let timeout = StaticEntry::timeout(&LOST_TIMESPEC, RESEND);
        raw::push(&mut self.submissions, &timeout)
    }

    fn arm_watchdog(&mut self) -> io::Result<()> {
        let timeout = StaticEntry::timeout(&STALL_TIMESPEC, WATCHDOG);
        raw::push(&mut self.submissions, &timeout)
    }
}

fn sample(begin: &Mark, end: &Mark, requests: u64, latency: Histogram) -> Sample {
    let elapsed = end.at - begin.at;
    let Counters { cpu_count, .. } = end.counters;
    let idle = end.counters.idle.saturating_sub(begin.counters.idle);
    let server_cpu = end
        .counters
        .server_cpu
        .saturating_sub(begin.counters.server_cpu);
    let generator_cpu = end.generator_cpu.saturating_sub(begin.generator_cpu);
    Sample {
        requests,
        elapsed,
        server_cpu,
        generator_cpu,
        others_cpu: (elapsed * cpu_count).saturating_sub(idle + server_cpu + generator_cpu),
        cpu_count,
        enters: end.enters - begin.enters,
        resent: end.resent - begin.resent,
        latency,
    }
}
