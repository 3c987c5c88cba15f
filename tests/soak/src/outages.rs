//! What is broken on purpose: Redis is killed, the reader of the log stalls.

use std::time::Duration;

use crate::control::Control;
use crate::options::Options;
use crate::redis::Redis;
use crate::resolver::Resolver;
use crate::tally::Tally;

pub(crate) fn of_redis(
    options: &Options,
    redis: &mut Redis,
    resolver: &Resolver,
    control: &Control,
    tally: &Tally,
) {
    let patience = Duration::from_secs(60);
    while control.wait(Duration::from_secs(options.redis_kill_seconds)) {
        control.toggle_redis_outage();
        redis.kill();
        tally.count("outages of Redis");
        // Otherwise, the readiness of before would look like the recovery.
        if let Err(failure) = resolver.wait_until_unready(patience) {
            tally.violation("outage of Redis that is not noticed", failure.to_string());
        }
        control.wait(Duration::from_secs(options.redis_down_seconds));
        if let Err(failure) = redis.resume() {
            return tally.violation("Redis", failure.to_string());
        }
        if let Err(failure) = resolver.wait_until_ready(patience) {
            return tally.violation("recovery after an outage of Redis", failure.to_string());
        }
        control.toggle_redis_outage();
    }
}

pub(crate) fn of_the_log(options: &Options, resolver: &Resolver, control: &Control, tally: &Tally) {
    while control.wait(Duration::from_secs(options.log_stall_seconds)) {
        resolver.stall_log(true);
        tally.count("stalls of the log");
        control.wait(Duration::from_secs(options.log_stalled_seconds));
        resolver.stall_log(false);
    }
}
