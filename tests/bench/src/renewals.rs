//! Agents that renew the leases of all sessions in turn, at set times.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use dcv_resolver_bench::sessions;
use dcv_resolver_core::{Clock, SystemClock};

use crate::admin_request;
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::{Result, While};
use crate::process;
use crate::set_times::{self, Answered, Client};

/// As many as 30,000 leases need that are renewed every 30 s.
pub(crate) const PER_S: u32 = 1_000;
pub(crate) const LEASES: usize = 30_000;
pub(crate) const CONNECTIONS: u32 = 32;

#[derive(Debug, clap::Args)]
pub(crate) struct Renewals {
    address: SocketAddr,
    /// How many leases there are.
    #[arg(long)]
    leases: usize,
    /// Asks for `/livez` instead.
    #[arg(long)]
    livez: bool,
}

/// What the agents ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Renewals,
    /// As often, to show what asking costs by itself.
    Livez,
}

/// How the renewals ended.
#[derive(Debug)]
pub(crate) struct Renewed {
    pub(crate) answered: Answered,
    /// Of those that were answered with a 200, how many the store does not have.
    pub(crate) lost: u64,
}

/// Renews leases of the resolver at `address` while `work` is done.
pub(crate) fn during<T>(
    context: &Context,
    address: SocketAddr,
    leases: usize,
    asked: Asked,
    work: impl FnOnce() -> Result<T>,
) -> Result<(Renewed, T)> {
    let mut command = process::on_core(context.settings.load_core, &context.this_program);
    command.args(["renewals", &address.to_string()]);
    command.args(["--leases", &leases.to_string()]);
    if asked == Asked::Livez {
        command.arg("--livez");
    }
    let (output, done) = process::during(&mut command, work)?;
    let (lost, answered) = output.split_once(' ').unwrap_or_default();
    let renewed = Renewed {
        answered: answered.parse()?,
        lost: process::number(lost)?,
    };
    Ok((renewed, done))
}

/// Renews until standard input is closed.
pub(crate) fn run(renewals: &Renewals) -> Result {
    let agents = (0..CONNECTIONS as usize).map(|number| {
        Ok(Agent {
            connection: Connection::open(renewals.address)?,
            leases: (number..renewals.leases)
                .step_by(CONNECTIONS as usize)
                .collect(),
            livez: renewals.livez.then(|| admin_request::get("/livez")),
            next: fastrand::usize(..),
            renewed: HashMap::new(),
        })
    });
    let mut agents: Vec<_> = agents.collect::<Result<_>>()?;
    let answered = set_times::ask_in_turn(&mut agents, PER_S)?;
    let mut lost = 0;
    for mut agent in agents {
        lost += agent.lost()?;
    }
    println!("{lost} {answered}");
    Ok(())
}

/// One connection.
#[derive(Debug)]
struct Agent {
    connection: Connection,
    /// Which leases it renews in turn, and no other agent.
    leases: Vec<usize>,
    /// The request that is sent instead.
    livez: Option<Vec<u8>>,
    next: usize,
    /// Until when each was renewed last, in milliseconds.
    renewed: HashMap<usize, i64>,
}

impl Agent {
    /// Returns how many leases do not end when they were renewed to end.
    fn lost(&mut self) -> Result<u64> {
        let mut lost = 0;
        for (&lease, expires_at_ms) in &self.renewed {
            let path = format!("/v1/sessions/{}", sessions::id(lease));
            let answer = self.connection.ask(&admin_request::get(&path));
            let answer = answer.while_doing("the admin API does not answer")?;
            let expected = format!(r#""expires_at_ms":{expires_at_ms}"#);
            lost += u64::from(!answer.text().contains(&expected));
        }
        Ok(lost)
    }
}

impl Client for Agent {
    fn ask(&mut self) -> Result<bool> {
        let lease = self.leases[self.next % self.leases.len()];
        self.next = self.next.wrapping_add(1);
        let expires_at = SystemClock.now().saturating_add(Duration::from_hours(1));
        let expires_at_ms = expires_at.as_unix_ms();
        let answer = match &self.livez {
            Some(livez) => self.connection.ask(livez),
            None => {
                let renew = admin_request::renew(sessions::id(lease), expires_at_ms);
                self.connection.ask(&renew)
            }
        };
        let is_renewed = answer.is_ok_and(|answer| answer.status() == b"200");
        if !is_renewed {
            self.connection.reopen()?;
        } else if self.livez.is_none() {
            self.renewed.insert(lease, expires_at_ms);
        }
        Ok(is_renewed)
    }
}
