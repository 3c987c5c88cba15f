//! What the store compares and decides, without waiting.

use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, SessionId, SessionRecord, Timestamp, Transport,
};

use crate::bug::Bug;
use crate::edit::{add_ms, map_ms, without_labels, without_owner};
use crate::place::{BuggyStore, Row, Rows};

/// Returns the time of a server clock, which ignores the callers' `now`.
pub(crate) fn server_time() -> Timestamp {
    ManualClock::default().now()
}

impl BuggyStore {
    /// Returns the key of a row.
    pub(crate) fn key(&self, id: &SessionId) -> String {
        let text = id.as_str();
        match self.bug {
            Some(Bug::IdsIgnoreCase) => text.to_lowercase(),
            Some(Bug::IdsAreTrimmed) => text.trim().to_owned(),
            Some(Bug::IdsAreComposed) => text.replace("e\u{301}", "\u{e9}"),
            Some(Bug::IdsAreNumbersWhereTheyCan) => match text.parse::<f64>() {
                Ok(number) => number.to_string(),
                Err(_) => text.to_owned(),
            },
            Some(Bug::IdsEndAtAQuote) => match text.split_once('\'') {
                Some((before, _)) => before.to_owned(),
                None => text.to_owned(),
            },
            _ => text.to_owned(),
        }
    }

    pub(crate) fn find<'a>(&self, rows: &'a Rows, id: &SessionId) -> Option<&'a Row> {
        if self.has(Bug::IdsArePatterns)
            && let Some((before, after)) = id.as_str().split_once('%')
        {
            return rows
                .iter()
                .find(|(key, _)| key.starts_with(before) && key.ends_with(after))
                .map(|(_, row)| row);
        }
        rows.get(&self.key(id))
    }

    /// Returns the record as it is stored.
    pub(crate) fn encode(&self, record: &SessionRecord) -> SessionRecord {
        let with_ms = |change: fn(i64) -> i64| {
            let expiry = map_ms(record.expiry(), change);
            record.clone().with_expiry(expiry)
        };
        match self.bug {
            Some(Bug::LabelsAreForgotten) => without_labels(record),
            Some(Bug::AnEmptyOwnerIsNone) if record.owner() == Some("") => without_owner(record),
            Some(Bug::PortsAreSigned) => match record.port(Transport::Http) {
                Some(port) if port > 0x7fff => {
                    let signed = record.to_builder().http_port(port & 0x7fff);
                    signed.build().unwrap()
                }
                _ => record.clone(),
            },
            Some(Bug::TextEndsAtNul) => match record.owner().and_then(|it| it.split_once('\0')) {
                Some((before, _)) => record.to_builder().owner(before).build().unwrap(),
                None => record.clone(),
            },
            Some(Bug::ExpiryIsInSeconds) => with_ms(|ms| ms / 1_000 * 1_000),
            #[expect(clippy::cast_possible_truncation, reason = "this is the bug")]
            Some(Bug::ExpiryIsAFloat) => with_ms(|ms| ms as f64 as i64),
            Some(Bug::ExpiryHas32Bits) => with_ms(|ms| ms.clamp(-1 << 31, (1 << 31) - 1)),
            _ => record.clone(),
        }
    }

    fn same_token(&self, one: &LeaseToken, other: &LeaseToken) -> bool {
        match self.bug {
            Some(Bug::TokensEndAtNul) => until_nul(one) == until_nul(other),
            Some(Bug::TokensIgnoreCase) => one.as_bytes().eq_ignore_ascii_case(other.as_bytes()),
            _ => one == other,
        }
    }

    pub(crate) fn owns(&self, row: &Row, token: &LeaseToken) -> bool {
        row.token
            .as_ref()
            .is_some_and(|owner| self.same_token(owner, token))
    }

    /// Returns whether the row under `key` prevents the owner of `token` from
    /// registering.
    pub(crate) fn is_taken(
        &self,
        rows: &Rows,
        key: &str,
        token: &LeaseToken,
        now: Timestamp,
    ) -> bool {
        let Some(row) = rows.get(key) else {
            let left = self.place.left.lock().unwrap();
            return left.get(key).is_some_and(|owner| owner != token);
        };
        let expiry = row.record.expiry();
        let owns = self.owns(row, token);
        let live = match self.bug {
            Some(Bug::RegisterUpsertsBlindly) => false,
            Some(Bug::RegisterLetsExpiredRowsCollide) => true,
            Some(Bug::RegisterTakesTheEndForLive) => !add_ms(expiry, 1).is_past(now),
            Some(Bug::RegisterEndsLeasesAMillisecondEarly) => !add_ms(expiry, -1).is_past(now),
            Some(Bug::TheServersClockDecides) => !expiry.is_past(server_time()),
            Some(Bug::RegisterTakesNoTokenForFree) if row.token.is_none() => false,
            Some(Bug::RegisterTakesNoTokenForEver) if row.token.is_none() => true,
            Some(Bug::RegisterRefusesItsOwner) if owns => return row.record.is_live(now),
            Some(Bug::RegisterRefusesItsOwnerOnceExpired) if owns => {
                return !row.record.is_live(now);
            }
            _ => row.record.is_live(now),
        };
        live && !owns
    }

    /// Returns whether the owner of `token` may renew `row`.
    pub(crate) fn is_renewable(&self, row: &Row, token: &LeaseToken, now: Timestamp) -> bool {
        let expiry = row.record.expiry();
        let live = match self.bug {
            Some(Bug::RenewIgnoresNow) => true,
            Some(Bug::RenewTakesTheEndForLive) => !add_ms(expiry, 1).is_past(now),
            Some(Bug::RenewEndsLeasesAMillisecondEarly) => !add_ms(expiry, -1).is_past(now),
            _ => row.record.is_live(now),
        };
        live && (self.has(Bug::RenewIgnoresTheToken) || self.owns(row, token))
    }

    pub(crate) fn is_removable(&self, row: &Row, token: &LeaseToken) -> bool {
        match self.bug {
            Some(Bug::DeregisterIgnoresTheToken) => true,
            Some(Bug::TheServersClockDecides) => {
                row.record.is_live(server_time()) && self.owns(row, token)
            }
            _ => self.owns(row, token),
        }
    }

    pub(crate) fn is_swept(&self, row: &Row, now: Timestamp) -> bool {
        let expiry = row.record.expiry();
        match self.bug {
            Some(Bug::SweepKeepsWhatEndsNow) => add_ms(expiry, 1).is_past(now),
            Some(Bug::SweepTakesTheLastMillisecond) => add_ms(expiry, -1).is_past(now),
            Some(Bug::SweepTakesNeverForZero) => expiry == Expiry::Never || expiry.is_past(now),
            Some(Bug::ExpiriesAreComparedAsText) => match expiry {
                Expiry::Never => false,
                Expiry::At(at) => at.as_unix_ms().to_string() <= now.as_unix_ms().to_string(),
            },
            _ => expiry.is_past(now),
        }
    }
}

fn until_nul(token: &LeaseToken) -> Vec<u8> {
    let bytes = token.as_bytes().iter().copied();
    bytes.take_while(|byte| *byte != 0).collect()
}
