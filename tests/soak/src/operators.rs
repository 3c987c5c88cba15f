//! Operators: they explain, scrape, list and probe.

use std::time::Duration;

use crate::control::Control;
use crate::http::Connection;
use crate::resolver::{Resolver, TOKEN};
use crate::tally::Tally;

pub(crate) fn run(resolver: &Resolver, control: &Control, tally: &Tally) {
    let mut connection = Connection::new(resolver.operators);
    let authorization = format!("authorization: Bearer {TOKEN}\r\n");
    let mut round: u32 = 0;
    while control.wait(Duration::from_millis(500)) {
        let targets: [(&str, &[u16]); 5] = [
            ("/livez", &[200]),
            // 503 during an outage of Redis.
            ("/readyz", &[200, 503]),
            ("/metrics", &[200]),
            ("/explain?sessionId=agent-0000l", &[200]),
            ("/v1/sessions?limit=100", &[200]),
        ];
        let (target, expected) = targets[round as usize % targets.len()];
        round += 1;
        match connection.request("GET", target, &authorization, "") {
            Ok(response) if expected.contains(&response.status) => {
                tally.count(format!("operators: {target}"));
            }
            Ok(response) => {
                tally.violation(target, format!("{}: {}", response.status, response.body))
            }
            Err(error) => tally.violation(target, error.to_string()),
        }
    }
}
