//! The Lua scripts, each of which changes one key if a condition holds.
//!
//! With one key per script they are atomic on a cluster too. They are sent by
//! their hash, and once in full to a server that does not know them. `SCRIPT LOAD`
//! is not used: on a cluster it fails as soon as one node is down.

use std::sync::LazyLock;

use dcv_resolver_core::{LeaseToken, StoreError, StoreErrorKind};
use redis::{Cmd, Script, Value};

use crate::deadline::Deadline;
use crate::error::error;
use crate::supervisor::{Idempotency, Supervisor};
use crate::unreadable::{DecodeError, Unreadable, key_error};
use crate::value::digest_text;

pub(crate) static REGISTER: LazyLock<ConditionalWrite> =
    LazyLock::new(|| ConditionalWrite::new(include_str!("scripts/register.lua")));
pub(crate) static RENEW: LazyLock<ConditionalWrite> =
    LazyLock::new(|| ConditionalWrite::new(include_str!("scripts/renew.lua")));
pub(crate) static DEREGISTER: LazyLock<ConditionalWrite> =
    LazyLock::new(|| ConditionalWrite::new(include_str!("scripts/deregister.lua")));
pub(crate) static CHECK_WRITABLE: LazyLock<ConditionalWrite> =
    LazyLock::new(|| ConditionalWrite::new(include_str!("scripts/check_writable.lua")));
pub(crate) static SWEEP: LazyLock<ConditionalWrite> =
    LazyLock::new(|| ConditionalWrite::new(include_str!("scripts/sweep.lua")));

pub(crate) struct ConditionalWrite {
    code: String,
    hash: String,
}

impl ConditionalWrite {
    fn new(body: &str) -> Self {
        let code = format!("{}{body}", include_str!("scripts/prelude.lua"));
        let hash = Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }

    /// Runs the script, and returns whether its condition held and it changed the
    /// key.
    pub(crate) async fn run(
        &self,
        server: &Supervisor,
        key: &str,
        arguments: &[&str],
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let answer = self.answer(server, key, arguments, deadline).await?;
        answer.ok_or_else(|| unexpected(key))
    }

    /// Runs a script that only the owner of the lease may run, and returns whether
    /// its condition held and it changed the key. The script gets the time, what
    /// proves that `token` is the owner's, and then `more`.
    pub(crate) async fn run_by_owner(
        &self,
        server: &Supervisor,
        key: &str,
        now: &str,
        token: &LeaseToken,
        more: &[&str],
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let digest = digest_text(token);
        let arguments = [&[now, &digest, ""], more].concat();
        if let Some(answer) = self.answer(server, key, &arguments, deadline).await? {
            return Ok(answer);
        }
        let token = token.expose_hex();
        let arguments = [&[now, &digest, &token], more].concat();
        let answer = self.answer(server, key, &arguments, deadline).await?;
        answer.ok_or_else(|| unexpected(key))
    }

    /// Returns `None` if the script needs the token itself.
    async fn answer(
        &self,
        server: &Supervisor,
        key: &str,
        arguments: &[&str],
        deadline: Deadline,
    ) -> Result<Option<bool>, StoreError> {
        let by_hash = command("EVALSHA", &self.hash, key, arguments);
        let reply = match server
            .send(&by_hash, None, Idempotency::NonIdempotent, deadline)
            .await
        {
            Err(failure) if failure.code() == Some("NOSCRIPT") => {
                let in_full = command("EVAL", &self.code, key, arguments);
                server
                    .send(&in_full, None, Idempotency::NonIdempotent, deadline)
                    .await
            }
            reply => reply,
        };
        match reply.map_err(|failure| key_error(failure, key))? {
            Value::Int(1) => Ok(Some(true)),
            Value::Int(0) => Ok(Some(false)),
            Value::Int(-3) => Ok(None),
            Value::Int(-1) => Err(Unreadable::new(key, DecodeError::NotOurs).into()),
            Value::Int(-2) => Err(Unreadable::new(key, DecodeError::Newer).into()),
            _ => Err(unexpected(key)),
        }
    }
}

fn unexpected(key: &str) -> StoreError {
    error(StoreErrorKind::Other).with_source(format!("unexpected reply to a script on {key:?}"))
}

fn command(name: &str, script: &str, key: &str, arguments: &[&str]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(1).arg(key).arg(arguments);
    command
}
