//! `register`, `renew` and `deregister`: the lease of a session. `sweep`: removes
//! sessions whose lease expired.

use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, RegisterError, RenewError, SessionRecord, SystemClock, Timestamp,
};

use crate::cli::{DeregisterOptions, ExpiryOption, RegisterOptions, RenewOptions, SweepOptions};
use crate::failure::Failure;
use crate::open_store::{OpenStore, Purpose};
use crate::output::line;

/// Registers a session and prints its lease token, unless one was given.
pub(crate) async fn register(options: RegisterOptions) -> Result<(), Failure> {
    let now = SystemClock.now();
    let expiry = expiry(&options.expiry, now);
    let record = SessionRecord::builder(options.session_id, options.host, expiry)
        .target_id(options.target_id)
        .http_port(options.http_port)
        .quic_port(options.quic_port)
        .web_url_path(options.web_url_path)
        .state(options.state)
        .owner(options.owner.as_deref())
        .labels(options.labels)
        .build()
        .map_err(|error| Failure::setup(format!("{error}: give --http-port or --quic-port")))?;
    let given = options.token.given()?;
    let token = given.map_or_else(new_token, Ok)?;

    OpenStore::with(
        options.store.url()?,
        Purpose::Create,
        async |store| match store.registry()?.register(&record, &token, now).await {
            Ok(()) if given.is_none() => line(token.expose_hex()),
            Ok(()) => Ok(()),
            Err(RegisterError::AlreadyExists) => Err(Failure::negative(format!(
                "{}: a live session {:?} is registered under another lease",
                store.name,
                record.id()
            ))),
            Err(RegisterError::Store(error)) => Err(store.failure(&error)),
            Err(error) => Err(Failure::setup(format!("{}: {error}", store.name))),
        },
    )
    .await
}

pub(crate) async fn renew(options: RenewOptions) -> Result<(), Failure> {
    let now = SystemClock.now();
    let token = options.token.required()?;
    let expiry = expiry(&options.expiry, now);
    OpenStore::with(options.store.url()?, Purpose::Write, async |store| {
        let renewed = store
            .registry()?
            .renew(&options.session_id, &token, expiry, now)
            .await;
        match renewed {
            Ok(()) => Ok(()),
            Err(RenewError::LeaseLost) => Err(Failure::negative(format!(
                "{}: there is no live session {:?} under this lease; register it again",
                store.name, options.session_id
            ))),
            Err(RenewError::Store(error)) => Err(store.failure(&error)),
            Err(error) => Err(Failure::setup(format!("{}: {error}", store.name))),
        }
    })
    .await
}

pub(crate) async fn deregister(options: DeregisterOptions) -> Result<(), Failure> {
    let token = options.token.required()?;
    OpenStore::with(options.store.url()?, Purpose::Write, async |store| {
        let registry = store.registry()?;
        match registry.deregister(&options.session_id, &token).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::negative(format!(
                "{}: there is no session {:?} under this lease",
                store.name, options.session_id
            ))),
            Err(error) => Err(store.failure(&error)),
        }
    })
    .await
}

/// Removes expired sessions and prints how many.
pub(crate) async fn sweep(options: SweepOptions) -> Result<(), Failure> {
    OpenStore::with(
        options.store.url()?,
        Purpose::Write,
        async |store| match store.registry()?.sweep(SystemClock.now()).await {
            Ok(removed) => line(removed),
            Err(error) => Err(store.failure(&error)),
        },
    )
    .await
}

/// Creates a token of random bytes.
pub(crate) fn new_token() -> Result<LeaseToken, Failure> {
    let mut bytes = [0; LeaseToken::BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::setup(format!("the system has no random bytes: {error}")))?;
    Ok(LeaseToken::from_bytes(bytes))
}

fn expiry(option: &ExpiryOption, now: Timestamp) -> Expiry {
    match (option.ttl_s, option.expires_at) {
        (Some(ttl), _) => Expiry::At(now.saturating_add(ttl)),
        (None, Some(expires_at)) => Expiry::At(expires_at),
        // clap requires one of the three: this is --never-expires.
        (None, None) => Expiry::Never,
    }
}
