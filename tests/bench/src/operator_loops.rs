//! Operators who ask again and again, with a pause after each answer.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::admin_request;
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::{Failure, Result, While};
use crate::process;

/// As many as operators who do not wait for each other.
pub(crate) const LOOPS: u32 = 8;
/// A person is slower; a script that waits for a session is not.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// As long as a typed id may be: the longer, the slower is the search for
/// similar ones.
const EXPLAIN: &str =
    "/explain?sessionId=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[derive(Debug, clap::Args)]
pub(crate) struct OperatorLoops {
    address: SocketAddr,
    asked: Asked,
    /// Asks as often and not with pauses.
    #[arg(long)]
    per_s: Option<f64>,
}

/// What operators ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Asked {
    Explanations,
    Metrics,
    /// All sessions, page by page.
    Listings,
    /// A session registered and removed.
    Changes,
    /// In each loop one of the above.
    All,
    /// What costs a server least.
    Livez,
}

/// How many answers have come.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// As asked for.
    pub(crate) given: u64,
    /// Those that say that the resolver has too much to do.
    pub(crate) refused: u64,
}

/// Asks the resolver at `address` while `work` is done: with pauses, or so often
/// in a second.
pub(crate) fn during<T>(
    context: &Context,
    address: SocketAddr,
    asked: Asked,
    per_s: Option<f64>,
    work: impl FnOnce() -> Result<T>,
) -> Result<(Answers, T)> {
    let mut command = process::on_core(context.settings.load_core, &context.this_program);
    command.args(["operator-loops", &address.to_string()]);
    let name = asked.to_possible_value();
    command.args(name.as_ref().map(|name| name.get_name()));
    if let Some(per_s) = per_s {
        command.args(["--per-s", &per_s.to_string()]);
    }
    let (output, done) = process::during(&mut command, work)?;
    let (given, refused) = output.split_once(' ').unwrap_or_default();
    let answers = Answers {
        given: process::number(given)?,
        refused: process::number(refused)?,
    };
    Ok((answers, done))
}

/// Asks until standard input is closed.
pub(crate) fn run(operators: &OperatorLoops) -> Result {
    let done = &AtomicBool::new(false);
    let answers = thread::scope(|scope| {
        let loops: Vec<_> = (0..LOOPS)
            .map(|number| scope.spawn(move || ask(operators, number, done)))
            .collect();
        let closed = io::stdin().read_to_end(&mut Vec::new());
        done.store(true, Ordering::Relaxed);
        closed.while_doing("cannot wait for the end")?;
        let mut sum = Answers::default();
        for running in loops {
            let Ok(answers) = running.join() else {
                return Err(Failure::new("a loop has panicked"));
            };
            let Answers { given, refused } = answers?;
            sum.given += given;
            sum.refused += refused;
        }
        Ok(sum)
    })?;
    println!("{} {}", answers.given, answers.refused);
    Ok(())
}

fn ask(operators: &OperatorLoops, number: u32, done: &AtomicBool) -> Result<Answers> {
    let mut operator = Operator {
        connection: Connection::open(operators.address)?,
        number,
        asked: match operators.asked {
            Asked::All => ALL[number as usize % ALL.len()],
            asked => asked,
        },
        is_registered: false,
        page: None,
    };
    let interval = operators
        .per_s
        .map(|per_s| Duration::from_secs_f64(f64::from(LOOPS) / per_s));
    let mut answers = Answers::default();
    let mut due = Instant::now();
    while !done.load(Ordering::Relaxed) {
        if operator.ask()? {
            answers.given += 1;
        } else {
            answers.refused += 1;
        }
        due = interval.map_or_else(|| Instant::now() + PAUSE, |interval| due + interval);
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(answers)
}

const ALL: [Asked; 4] = [
    Asked::Explanations,
    Asked::Metrics,
    Asked::Listings,
    Asked::Changes,
];

/// One loop.
struct Operator {
    connection: Connection,
    number: u32,
    asked: Asked,
    /// Whether its session is there.
    is_registered: bool,
    /// Which page is listed next.
    page: Option<String>,
}

impl Operator {
    /// Returns whether it was given what it asked for; a resolver may refuse
    /// some.
    fn ask(&mut self) -> Result<bool> {
        let id = format_args!("operator-{}", self.number);
        let request = match self.asked {
            Asked::Explanations => admin_request::get(EXPLAIN),
            Asked::Metrics => admin_request::get("/metrics"),
            Asked::Listings => admin_request::list(100, self.page.as_deref()),
            Asked::Changes if self.is_registered => admin_request::deregister(id),
            Asked::Changes => admin_request::register(id, "ws.dcv.example"),
            Asked::Livez | Asked::All => admin_request::get("/livez"),
        };
        let answer = self.connection.ask(&request);
        let answer = answer.while_doing("operators are not answered")?;
        match answer.status() {
            b"200" | b"204" => {}
            b"429" | b"503" => return Ok(false),
            _ => {
                let request = String::from_utf8_lossy(&request);
                let line = request.lines().next().unwrap_or_default();
                let text = answer.text();
                return Err(Failure::new(format!("{line} was answered with {text:?}")));
            }
        }
        match self.asked {
            Asked::Listings => self.page = admin_request::next_page(answer.body()),
            Asked::Changes => self.is_registered = !self.is_registered,
            _ => {}
        }
        Ok(true)
    }
}
