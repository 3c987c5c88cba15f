//! Gateways: they send requests at fixed times and know which answers are right.

use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crate::control::Control;
use crate::failure::{Failure, Result};
use crate::http::Connection;
use crate::options::Options;
use crate::resolver::Resolver;
use crate::sessions::Place;
use crate::tally::Tally;

const CONNECTIONS: u32 = 16;

/// Measures for a moment how many requests are answered per second, and returns
/// half of that.
pub(crate) fn half_of_capacity(
    options: &Options,
    resolver: &Resolver,
    tally: &Tally,
) -> Result<u32> {
    const SECONDS: u64 = 5;
    let control = Control::new(SECONDS);
    let answered: u32 = thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let control = &control;
                scope.spawn(move || {
                    let mut gateway = Gateway::new(number, options, resolver);
                    let mut answered = 0;
                    while !control.is_over() {
                        gateway.request(control, tally);
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap_or(0))
            .sum()
    });
    match answered / u32::try_from(SECONDS).unwrap_or(1) / 2 {
        0 => Err(Failure::Other(
            "the resolver answers no requests".to_owned(),
        )),
        half => Ok(half),
    }
}

/// Sends `requests_per_s` requests until the end, on connections that are kept.
pub(crate) fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    options: &'scope Options,
    requests_per_s: u32,
    resolver: &'scope Resolver,
    control: &'scope Control,
    tally: &'scope Tally,
) {
    let began = Instant::now();
    for number in 0..CONNECTIONS {
        scope.spawn(move || {
            let mut gateway = Gateway::new(number, options, resolver);
            let mut turn = number;
            while control.wait_until(began + Duration::from_secs(1) * turn / requests_per_s) {
                gateway.request(control, tally);
                turn = turn.wrapping_add(CONNECTIONS);
            }
        });
    }
}

struct Gateway<'a> {
    connection: Connection,
    options: &'a Options,
    /// Any number, the next one made of it.
    random: u64,
}

impl<'a> Gateway<'a> {
    fn new(number: u32, options: &'a Options, resolver: &Resolver) -> Self {
        Self {
            connection: Connection::new(resolver.gateways),
            options,
            random: u64::from(number) * 7919,
        }
    }

    fn request(&mut self, control: &Control, tally: &Tally) {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let place = Place::any(self.random >> 8, self.options.sessions);
        let id = place.id();
        let epoch = control.redis_epoch();
        let target =
            format!("/resolveSession?sessionId={id}&transport=HTTP&clientIpAddress=192.0.2.7");
        let began = Instant::now();
        let response = self.connection.request("POST", &target, "", "");
        let redis_was_up = control.redis_was_up_since(epoch);
        match response {
            Ok(response) => {
                tally.count(format!("gateways: {}", response.status));
                if !place.accepts(response.status, redis_was_up) {
                    let kind = format!("answer {} for {place:?}", response.status)
                        .replace(|c: char| c.is_ascii_digit(), "#");
                    let at_s = control.elapsed().as_secs();
                    tally.violation(
                        &format!("{kind} ({})", response.status),
                        format!("{id} at {at_s} s: {}", response.body),
                    );
                }
            }
            Err(error) => tally.violation("request without an answer", error.to_string()),
        }
        if began.elapsed() > Duration::from_secs(1) {
            tally.count("gateways: answers after more than 1 s");
        }
    }
}
