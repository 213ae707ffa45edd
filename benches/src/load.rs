//! The load generator: one thread, one ring, a closed loop with one request in flight per
//! connection.
//!
//! It must be cheaper than the servers it drives, or it is what gets measured. A request costs it
//! one SEND that posts no CQE and one RECV that completes when the whole response is there; all
//! that is due goes to the kernel in one enter.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use io_uring::types::Timespec;
use io_uring::{CompletionQueue, IoUring, SubmissionQueue, Submitter};
use rustix::time::{ClockId, clock_gettime};

use crate::Failure;
use crate::cells::{Cell, Kind};
use crate::histogram::Histogram;
use crate::raw::{self, StaticEntry};

/// Time between the first request and the first counted one.
const WARM_UP: Duration = Duration::from_millis(200);
/// A server that answers nothing for this long has lost a request.
const STALL: Duration = Duration::from_secs(5);
static STALL_TIMESPEC: Timespec = Timespec::new().sec(STALL.as_secs());
/// `user_data` of the watchdog's timeout; the other operations carry the index of their connection.
const WATCHDOG: u64 = u64::MAX;
/// No response is longer.
const RESPONSE_BYTES_MAX: usize = 64 * 1024;
/// The longest echo message. Its bytes repeat at no power of two, so that a stream out of step is
/// noticed.
static ECHO_MESSAGE: [u8; 16 * 1024] = echo_message();
static HTTP_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n";

/// Where all responses of all connections go: nobody reads them but for their last byte.
static RESPONSES: [AtomicU8; RESPONSE_BYTES_MAX] = [const { AtomicU8::new(0) }; RESPONSE_BYTES_MAX];

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

/// Connections that have each had their first answer.
#[derive(Debug)]
pub(crate) struct Load {
    connections: Vec<TcpStream>,
    request: &'static [u8],
    response_bytes: usize,
    /// Not zero: where that byte was cleared, it tells whether a response has come in since.
    response_last: u8,
}

impl Load {
    /// Connects, and does one request on each connection, so that the server has accepted them all.
    pub(crate) fn connect(cell: &Cell, server: SocketAddr) -> Result<Load, Failure> {
        let request = request(cell)?;
        let mut connections = Vec::with_capacity(cell.connections);
        let mut response = Vec::new();
        for index in 0..cell.connections {
            let mut connection = TcpStream::connect(server)?;
            connection.set_nodelay(true)?;
            connection.set_read_timeout(Some(STALL))?;
            // A reset at the end leaves no TIME_WAIT behind for the samples to come.
            rustix::net::sockopt::set_socket_linger(&connection, Some(Duration::ZERO))?;
            connection.write_all(request)?;
            let answer = match cell.kind {
                Kind::Echo => read_exactly(&mut connection, request.len())?,
                Kind::Hyper => read_http_response(&mut connection)?,
            };
            if index == 0 {
                response = answer;
            } else if answer.len() != response.len() {
                return Err("the server's responses differ in length".into());
            }
            connections.push(connection);
        }
        if cell.kind == Kind::Echo && response != request {
            return Err("the echo server sent back something else".into());
        }
        match response.last() {
            Some(&last) if last != 0 && response.len() <= RESPONSE_BYTES_MAX => Ok(Load {
                connections,
                request,
                response_bytes: response.len(),
                response_last: last,
            }),
            Some(_) | None => {
                Err("the server's response is empty, too long, or ends with a zero byte".into())
            }
        }
    }

    /// Runs the closed loop; `counters` are read at the first and at the last moment of the
    /// measured time.
    pub(crate) fn run(
        &self,
        measured: Duration,
        counters: impl Fn() -> io::Result<Counters>,
    ) -> Result<Sample, Failure> {
        let entries = u32::try_from(2 * self.connections.len() + 1)?.next_power_of_two();
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
        let (mut submitter, submissions, completions) = ring.split();
        submitter.register_ring_fd()?;
        let mut closed_loop = Loop {
            load: self,
            submitter,
            submissions,
            completions,
            sent_at: vec![Instant::now(); self.connections.len()],
            in_flight: 0,
            enters: 0,
            answered: 0,
            answered_at_last_tick: 0,
        };
        let sample = closed_loop.run(measured, counters);
        // The kernel keeps a registration beyond the ring's end, and has room for 16 per thread.
        closed_loop.submitter.unregister_ring_fd()?;
        sample
    }
}

/// The server's and the generator's counters at one moment.
struct Mark {
    at: Instant,
    counters: Counters,
    generator_cpu: Duration,
    enters: u64,
}

impl Mark {
    fn take(
        at: Instant,
        enters: u64,
        counters: impl Fn() -> io::Result<Counters>,
    ) -> io::Result<Mark> {
        let generator_cpu = clock_gettime(ClockId::ThreadCPUTime);
        Ok(Mark {
            at,
            enters,
            counters: counters()?,
            generator_cpu: Duration::try_from(generator_cpu).map_err(io::Error::other)?,
        })
    }
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
    load: &'a Load,
    submitter: Submitter<'a>,
    submissions: SubmissionQueue<'a>,
    completions: CompletionQueue<'a>,
    sent_at: Vec<Instant>,
    in_flight: usize,
    enters: u64,
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
        let start = Instant::now();
        for index in 0..self.load.connections.len() {
            self.send(index, start)?;
        }
        let mut phase = Phase::WarmUp;
        let (mut requests, mut latency) = (0, Histogram::new());
        loop {
            let now = self.wait()?;
            phase = match phase {
                Phase::WarmUp if now >= start + WARM_UP => Phase::Measure {
                    begin: Mark::take(now, self.enters, &counters)?,
                },
                Phase::Measure { begin } if now >= begin.at + measured => Phase::Drain {
                    begin,
                    end: Mark::take(now, self.enters, &counters)?,
                },
                unchanged => unchanged,
            };
            while let Some(index) = self.next_response()? {
                if let Phase::Measure { .. } = phase {
                    requests += 1;
                    latency.record(now.duration_since(self.sent_at[index]));
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

    /// Queues a request and the wait for its response.
    fn send(&mut self, index: usize, now: Instant) -> io::Result<()> {
        let socket = self.load.connections[index].as_fd();
        let response = &RESPONSES[..self.load.response_bytes];
        // usize is at most 64 bits wide on every platform that Rust has.
        let token = index as u64;
        let send = StaticEntry::send(socket, self.load.request, token);
        let receive = StaticEntry::receive(socket, response, token);
        // There is room: a connection queues again only after a submit has taken its last entries.
        raw::push(&mut self.submissions, &send)?;
        raw::push(&mut self.submissions, &receive)?;
        self.sent_at[index] = now;
        self.in_flight += 1;
        Ok(())
    }

    /// Submits what is queued and waits for a CQE; answers when that was.
    ///
    /// One time stamp serves the whole batch: it ends the latency of the responses in it and begins
    /// that of the requests that follow them, so that no time goes uncounted.
    fn wait(&mut self) -> io::Result<Instant> {
        self.last_response_byte().store(0, Ordering::Relaxed);
        self.submissions.sync();
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

    /// The connection of the next response in the CQ; `None` when the CQ has been read to its end.
    fn next_response(&mut self) -> Result<Option<usize>, Failure> {
        let Some(cqe) = self.completions.next() else {
            return Ok(None);
        };
        if cqe.user_data() == WATCHDOG {
            if self.answered == self.answered_at_last_tick {
                return Err(format!(
                    "the server has not answered for {STALL:?}; {} of {} requests are open",
                    self.in_flight,
                    self.load.connections.len()
                )
                .into());
            }
            self.answered_at_last_tick = self.answered;
            self.arm_watchdog()?;
            return self.next_response();
        }
        match usize::try_from(cqe.result()) {
            Ok(received) if received == self.load.response_bytes => {}
            Ok(received) => return Err(format!("a response ended after {received} bytes").into()),
            Err(_) => return Err(io::Error::from_raw_os_error(-cqe.result()).into()),
        }
        if self.last_response_byte().load(Ordering::Relaxed) != self.load.response_last {
            return Err("a response is out of step with its request".into());
        }
        self.in_flight -= 1;
        self.answered += 1;
        Ok(Some(usize::try_from(cqe.user_data())?))
    }

    fn arm_watchdog(&mut self) -> io::Result<()> {
        let timeout = StaticEntry::timeout(&STALL_TIMESPEC, WATCHDOG);
        raw::push(&mut self.submissions, &timeout)
    }

    fn last_response_byte(&self) -> &'static AtomicU8 {
        &RESPONSES[self.load.response_bytes - 1]
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
        latency,
    }
}

fn request(cell: &Cell) -> Result<&'static [u8], Failure> {
    match cell.kind {
        Kind::Echo => ECHO_MESSAGE
            .get(..cell.message_bytes)
            .ok_or_else(|| "the message is longer than the generator's".into()),
        Kind::Hyper => Ok(HTTP_REQUEST),
    }
}

const fn echo_message() -> [u8; 16 * 1024] {
    let mut message = [0; 16 * 1024];
    let mut next = 0_u8;
    let mut index = 0;
    while index < message.len() {
        next = next % 251 + 1;
        message[index] = next;
        index += 1;
    }
    message
}

fn read_exactly(connection: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut response = vec![0; length];
    connection.read_exact(&mut response)?;
    Ok(response)
}

/// Reads one HTTP/1.1 response that announces its length.
fn read_http_response(connection: &mut TcpStream) -> Result<Vec<u8>, Failure> {
    let mut response = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = match connection.read(&mut chunk) {
            Ok(count) => count,
            // The end of the previous sample's ring may interrupt the thread that used it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        response.extend_from_slice(&chunk[..count]);
        match http_response_length(&response)? {
            Some(length) if length == response.len() => return Ok(response),
            Some(length) if length < response.len() => {
                return Err("the server sent more than one response".into());
            }
            Some(_) | None if count == 0 => {
                return Err("the server hung up within a response".into());
            }
            Some(_) | None => {}
        }
    }
}

/// The length of the whole response whose beginning is `bytes`; `None` while its head is
/// incomplete.
fn http_response_length(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200 ") {
        return Err(format!("the server answered {status:?}").into());
    }
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .ok_or("the server's response has no content-length")?
        .1
        .trim();
    Ok(Some(head.len() + 4 + length.parse::<usize>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_response_is_head_plus_body() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ndate: x\r\n\r\nhello";
        assert_eq!(
            http_response_length(response).unwrap(),
            Some(response.len())
        );
        assert_eq!(http_response_length(&response[..30]).unwrap(), None);
    }

    #[test]
    fn a_response_that_cannot_be_counted_is_an_error() {
        for response in [
            "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        ] {
            assert!(
                http_response_length(response.as_bytes()).is_err(),
                "{response}"
            );
        }
    }

    #[test]
    fn a_shifted_echo_message_ends_in_another_byte() {
        for length in [128, 1024, ECHO_MESSAGE.len()] {
            let last = ECHO_MESSAGE[length - 1];
            assert!(last != 0);
            assert!(
                (1..128).all(|shift| ECHO_MESSAGE[length - 1 - shift] != last),
                "{length}"
            );
        }
    }
}
