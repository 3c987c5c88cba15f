//! Agents: they register sessions and renew their leases.

use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crate::control::Control;
use crate::failure::{Failure, Result};
use crate::http::Connection;
use crate::options::Options;
use crate::resolver::{Resolver, TOKEN};
use crate::sessions::leased_id;
use crate::tally::Tally;

const AGENTS: usize = 4;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The lease tokens of the sessions that one agent holds.
pub(crate) type Leases = Vec<(usize, String)>;

/// Registers all sessions, and returns the lease tokens of each agent.
pub(crate) fn register_all(
    options: &Options,
    resolver: &Resolver,
    tally: &Tally,
) -> Result<Vec<Leases>> {
    thread::scope(|scope| {
        let agents: Vec<_> = (0..AGENTS)
            .map(|agent| {
                scope.spawn(move || {
                    let mut connection = Connection::new(resolver.operators);
                    (agent..options.sessions)
                        .step_by(AGENTS)
                        .map(|number| {
                            let token = register(&mut connection, number, options)?;
                            tally.count("agents: registered");
                            Ok((number, token))
                        })
                        .collect()
                })
            })
            .collect();
        let leases = agents.into_iter().map(|agent| match agent.join() {
            Ok(leases) => leases,
            Err(_) => Err(Failure::Other("an agent panicked".to_owned())),
        });
        leases.collect()
    })
}

fn register(connection: &mut Connection, number: usize, options: &Options) -> Result<String> {
    let body = format!(
        r#"{{"host":"ws-{number}.dcv.example","http_port":8443,"ttl_ms":{}}}"#,
        options.ttl_ms()
    );
    let target = format!("/v1/sessions/{}", leased_id(number));
    let headers = format!("authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n");
    let response = connection.request("PUT", &target, &headers, &body);
    let token = match &response {
        Ok(response) if response.status == 200 => response.header("lease-token"),
        _ => None,
    };
    token
        .map(str::to_owned)
        .ok_or_else(|| Failure::Other(format!("cannot register {target}: {response:?}")))
}

/// Renews each lease once in a period, until the end.
pub(crate) fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    options: &'scope Options,
    agents: Vec<Leases>,
    resolver: &'scope Resolver,
    control: &'scope Control,
    tally: &'scope Tally,
) {
    for leases in agents {
        scope.spawn(move || renew(&leases, options, resolver, control, tally));
    }
}

fn renew(
    leases: &Leases,
    options: &Options,
    resolver: &Resolver,
    control: &Control,
    tally: &Tally,
) {
    let mut connection = Connection::new(resolver.operators);
    let period = Duration::from_secs(options.renew_seconds);
    let step = period / u32::try_from(leases.len().max(1)).unwrap_or(u32::MAX);
    let mut due = Instant::now();
    let body = format!(r#"{{"ttl_ms":{}}}"#, options.ttl_ms());
    for (number, token) in leases.iter().cycle() {
        if !control.wait_until(due) {
            return;
        }
        due += step;
        let target = format!("/v1/sessions/{}/renew", leased_id(*number));
        let headers = format!(
            "authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\nlease-token: {token}\r\n"
        );
        // An agent repeats what was answered with a 503. A lease that lapses
        // meanwhile is a violation: the next answer is a 404.
        loop {
            match connection.request("POST", &target, &headers, &body) {
                Ok(response) if response.status == 200 => tally.count("agents: renewed"),
                Ok(response) if response.status == 503 => {
                    tally.count("agents: renewals repeated after a 503");
                    if !control.wait(RETRY_AFTER) {
                        return;
                    }
                    continue;
                }
                Ok(response) => {
                    tally.violation("renewal", format!("{}: {}", response.status, response.body))
                }
                Err(error) => tally.violation("renewal without an answer", error.to_string()),
            }
            break;
        }
    }
}
