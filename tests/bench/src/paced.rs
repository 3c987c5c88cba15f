//! Clients that ask at set times, whether or not earlier answers have come: the
//! time of an answer counts from when it was due to be asked for, so that a
//! server that stands still is not asked less for it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::context::Context;
use crate::failure::{Failure, Result, While};
use crate::process;
use crate::request::Request;
use crate::target::Target;

/// Far from what a server could answer, as a resolver is asked.
pub(crate) const PER_S: u32 = 2_000;
/// A server may stand still for the 32 ms in which each of them has its turn
/// before one is late for the next.
pub(crate) const CONNECTIONS: u32 = 64;

#[derive(Debug, clap::Args)]
pub(crate) struct Paced {
    target: Target,
}

/// What the server has answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) failed: u64,
    pub(crate) p99: Duration,
    /// By how much the clients themselves were late, which counts as well.
    pub(crate) late_p99: Duration,
}

/// Asks `target` while `work` is done.
pub(crate) fn during<T>(
    context: &Context,
    target: &Target,
    work: impl FnOnce() -> Result<T>,
) -> Result<(Answered, T)> {
    let mut command = process::on_core(context.settings.load_core, &context.this_program);
    command.arg("paced").arg(target.to_string());
    command.stdin(Stdio::piped());
    let mut clients = process::spawn(&mut command)?;
    // They ask until it is closed, also when the work fails.
    let stdin = clients.stdin.take();
    let done = work();
    drop(stdin);
    let output = process::end(&command, clients)?;
    let numbers: Result<Vec<u64>> = output.split_whitespace().map(process::number).collect();
    let &[failed, p99_us, late_p99_us] = numbers?.as_slice() else {
        return Err(Failure::new(format!("the clients said {output:?}")));
    };
    let answered = Answered {
        failed,
        p99: Duration::from_micros(p99_us),
        late_p99: Duration::from_micros(late_p99_us),
    };
    Ok((answered, done?))
}

/// Asks until standard input is closed.
pub(crate) fn run(Paced { target }: &Paced) -> Result {
    // Those of the first turn are connected by then.
    let start = Instant::now() + Duration::from_millis(100);
    let done = &AtomicBool::new(false);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(move || ask(target, number, start, done)))
            .collect();
        let closed = io::stdin().read_to_end(&mut Vec::new());
        done.store(true, Ordering::Relaxed);
        closed.while_doing("cannot wait for the end")?;
        let seen = clients.into_iter().map(|client| match client.join() {
            Ok(seen) => seen,
            Err(_) => Err(Failure::new("a client has panicked")),
        });
        seen.collect::<Result<_>>()
    })?;
    let failed: u64 = seen.iter().map(|seen| seen.failed).sum();
    let p99 = |times: fn(&Seen) -> &[u32]| {
        let mut all: Vec<u32> = seen.iter().flat_map(times).copied().collect();
        all.sort_unstable();
        all.get(all.len() * 99 / 100).copied().unwrap_or_default()
    };
    let (p99_us, late_p99_us) = (p99(|seen| &seen.times_us), p99(|seen| &seen.late_us));
    println!("{failed} {p99_us} {late_p99_us}");
    Ok(())
}

/// What one connection has seen.
#[derive(Debug, Default)]
struct Seen {
    times_us: Vec<u32>,
    late_us: Vec<u32>,
    failed: u64,
}

/// A thread each: a runtime's timer counts in milliseconds.
fn ask(target: &Target, number: u32, start: Instant, done: &AtomicBool) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut request = Request::new(number as usize);
    let mut answer = Answer::new();
    let mut stream = connect(target)?;
    let mut free = start;
    let mut turn = number;
    loop {
        let due = start + Duration::from_secs(1) * turn / PER_S;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if done.load(Ordering::Relaxed) {
            return Ok(seen);
        }
        request.set_any(target.sessions);
        let asked = Instant::now();
        let is_right = ask_once(&mut stream, &request, &mut answer)
            .is_ok_and(|()| answer.is_right(target.kind, request.id()));
        let answered = Instant::now();
        if is_right {
            seen.times_us.push(micros(answered - due));
        } else {
            seen.failed += 1;
            stream = connect(target)?;
        }
        // Not by what the answer before was late.
        seen.late_us.push(micros(asked - due.max(free)));
        free = answered;
        turn += CONNECTIONS;
    }
}

fn connect(target: &Target) -> Result<TcpStream> {
    let connect = || {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        io::Result::Ok(stream)
    };
    connect().while_doing(format_args!("cannot connect to {target}"))
}

fn ask_once(stream: &mut TcpStream, request: &Request, answer: &mut Answer) -> io::Result<()> {
    stream.write_all(request.bytes())?;
    answer.clear();
    loop {
        let read = stream.read(answer.room())?;
        if answer.add(read).map_err(io::Error::other)? {
            return Ok(());
        }
    }
}

fn micros(time: Duration) -> u32 {
    time.as_micros().try_into().unwrap_or(u32::MAX)
}
