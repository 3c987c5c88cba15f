//! [`Agent`]: keeps the sessions of a DCV server registered.

use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Clock, SystemClock, WebUrlPath};
use dcv_resolver_dcv_config::{ConfigFileError, Connectivity};
use tokio::time::{Instant, sleep, timeout};

use crate::dcv_command::{DcvCommand, DcvCommandError};
use crate::event_log::EventLog;
use crate::reconcile::{Wanted, without_a_list};
use crate::record_template::RecordTemplate;
use crate::registered_file::RegisteredFile;
use crate::registrar::Registrar;
use crate::registrations::{Applied, Registrations};
use crate::session_list::SessionList;
use crate::view::{AgentView, RoundResult};

/// An agent that keeps the sessions of a DCV server registered for as long as
/// they run.
///
/// Once in an interval it lists the sessions, registers new ones under a lease of
/// three intervals, renews the leases of the others and removes those that have
/// ended. So a session is registered at most one interval after it started, and
/// an agent that is killed leaves its sessions for three intervals at most.
///
/// - **A resolver that is unavailable** is tried again after 1 s, then after
///   twice as long each time, up to the interval. Leases that ended meanwhile
///   are registered again.
/// - **A list that fails** changes nothing at first: every lease is renewed.
///   After two intervals the sessions are registered in the state `UNKNOWN`,
///   which is not resolved and has a reason of its own, until they can be
///   listed. They are never removed because of a failure.
/// - **An id that another live owner holds** is left alone, and tried again in
///   each round.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use dcv_resolver_agent::{Agent, RecordTemplate, StoreRegistrar};
/// use dcv_resolver_core::{LeaseToken, MemoryStore};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let token: LeaseToken = "000102030405060708090a0b0c0d0e0f".parse()?;
/// let registrar = StoreRegistrar::new(Arc::new(MemoryStore::new()), token);
/// let records = RecordTemplate::new("ws-17.dcv.example".parse()?);
/// let agent = Agent::new(records, Arc::new(registrar));
/// agent.run(async { let _ = tokio::signal::ctrl_c().await; }).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an agent does nothing until it runs"]
pub struct Agent {
    records: RecordTemplate,
    registrar: Arc<dyn Registrar>,
    command: DcvCommand,
    server: ServerSettings,
    interval: Duration,
    keep: bool,
    registered_file: Option<RegisteredFile>,
    clock: Arc<dyn Clock>,
    view: AgentView,
}

/// Where the DCV server listens: its file, and what is set instead.
#[derive(Debug, Default)]
struct ServerSettings {
    file: Option<PathBuf>,
    http_port: Option<u16>,
    quic_port: Option<u16>,
    web_url_path: Option<WebUrlPath>,
}

/// How long the shutdown may take. Leases that are not removed by then expire
/// by themselves.
const END_TIME: Duration = Duration::from_secs(5);

/// The pause after a round in which the resolver was unavailable.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl Agent {
    /// The shortest interval, for tests. In production, a command and its resolver
    /// need at least a few seconds.
    pub const MIN_INTERVAL: Duration = Duration::from_millis(100);

    /// Creates an agent with an interval of 30 s that runs
    /// `dcv list-sessions --json` and reads `/etc/dcv/dcv.conf`.
    pub fn new(records: RecordTemplate, registrar: Arc<dyn Registrar>) -> Self {
        Self {
            records,
            registrar,
            command: DcvCommand::default(),
            server: ServerSettings::default(),
            interval: Duration::from_secs(30),
            keep: false,
            registered_file: None,
            clock: Arc::new(SystemClock),
            view: AgentView::default(),
        }
    }

    /// Sets the command that lists the sessions. It is killed after an interval
    /// even if its own time limit is longer, so that no lease ends meanwhile.
    pub fn command(mut self, command: DcvCommand) -> Self {
        self.command = command;
        self
    }

    /// Reads this file instead of [`Connectivity::PATH`].
    pub fn dcv_config(mut self, file: impl Into<Option<PathBuf>>) -> Self {
        self.server.file = file.into();
        self
    }

    /// Registers this port for HTTP instead of the one in the file.
    pub fn http_port(mut self, port: impl Into<Option<u16>>) -> Self {
        self.server.http_port = port.into();
        self
    }

    /// Registers this port for QUIC instead of the one in the file.
    pub fn quic_port(mut self, port: impl Into<Option<u16>>) -> Self {
        self.server.quic_port = port.into();
        self
    }

    /// Registers this path instead of the one in the file.
    pub fn web_url_path(mut self, path: impl Into<Option<WebUrlPath>>) -> Self {
        self.server.web_url_path = path.into();
        self
    }

    /// Sets the time between rounds, at least
    /// [`MIN_INTERVAL`](Self::MIN_INTERVAL). A lease is three times as long.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Self::MIN_INTERVAL);
        self
    }

    /// Sets whether the sessions stay registered after [`run`](Self::run) has
    /// ended, until their leases expire. The default is `false`.
    pub fn keep_registered(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }

    /// Stores the list of registered sessions in the file `registered.json` of
    /// `folder`, which only the user of this process may read. Without this file,
    /// an agent that is restarted while its sessions cannot be listed does not
    /// renew them.
    ///
    /// Use the folder of the [lease token](crate::lease_token).
    pub fn state_folder(mut self, folder: &Path) -> Self {
        self.registered_file = Some(RegisteredFile::in_folder(folder));
        self
    }

    /// Sets the clock, for tests. It decides which leases in the
    /// [state folder](Self::state_folder) have expired, and gives the expiry times
    /// in the [view](Self::view). A [`StoreRegistrar`](crate::StoreRegistrar) has a
    /// clock of its own.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns what the agent has registered, for operators.
    #[must_use]
    pub fn view(&self) -> AgentView {
        self.view.clone()
    }

    /// Runs until `shutdown` completes, and then deregisters the sessions, unless
    /// they are [kept](Self::keep_registered).
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut rounds = Rounds::new(self);
        loop {
            let pause = tokio::select! {
                () = &mut shutdown => break,
                pause = rounds.round(Instant::now()) => pause,
            };
            tokio::select! {
                () = &mut shutdown => break,
                () = sleep(pause) => {}
            }
        }
        rounds.end().await;
    }
}

impl ServerSettings {
    fn read(&self) -> Result<Connectivity, ConfigFileError> {
        let mut server = match &self.file {
            Some(file) => Connectivity::read(file)?,
            None => Connectivity::read_installed()?,
        };
        if let Some(port) = self.http_port {
            server = server.with_http_port(port);
        }
        if let Some(port) = self.quic_port {
            server = server.with_quic_port(port);
        }
        if let Some(path) = &self.web_url_path {
            server = server.with_web_url_path(path.clone());
        }
        Ok(server)
    }
}

/// An agent that runs.
struct Rounds {
    agent: Agent,
    registrations: Registrations,
    log: EventLog,
    /// The last valid configuration.
    server: Option<Connectivity>,
    /// When the last round began in which the sessions were listed.
    listed: Instant,
    was_listed: bool,
    /// The number of rounds in a row in which the resolver was unavailable.
    failed_rounds: u32,
}

impl Rounds {
    fn new(mut agent: Agent) -> Self {
        // A lease of three intervals must outlast a round whose command hangs, and
        // in which calls fail for an interval.
        agent.command.limit_time(agent.interval);
        let log = EventLog::new();
        let mut registrations = Registrations::new(
            Arc::clone(&agent.registrar),
            agent.interval.saturating_mul(3),
            Arc::clone(&agent.clock),
            log.clone(),
            agent.view.clone(),
        );
        if let Some(file) = &agent.registered_file {
            match file.read(agent.clock.now()) {
                Ok(records) => registrations.resume(records),
                Err(error) => log.not_remembered(file.path(), &error),
            }
        }
        Self {
            agent,
            registrations,
            log,
            server: None,
            listed: Instant::now(),
            was_listed: true,
            failed_rounds: 0,
        }
    }

    /// Does what has to be done once in an interval. Returns how long to wait for
    /// the next round.
    async fn round(&mut self, begun: Instant) -> Duration {
        let listed = self.agent.command.list().await;
        self.reconcile(begun, listed).await
    }

    async fn reconcile(
        &mut self,
        begun: Instant,
        listed: Result<SessionList, DcvCommandError>,
    ) -> Duration {
        let wanted = match &listed {
            Ok(list) => self.wanted(list).ok_or(RoundResult::NotConfigured),
            Err(error) => {
                self.log.not_listed(error);
                Err(RoundResult::NotListed)
            }
        };
        let (wanted, result) = match wanted {
            Ok(wanted) => {
                self.registrations.retain_conflicts(&wanted);
                self.listed = begun;
                if !self.was_listed {
                    self.log.listed_again();
                }
                (wanted, RoundResult::Ok)
            }
            Err(result) => (self.without_a_list(begun), result),
        };
        self.was_listed = result == RoundResult::Ok;
        let applied = self.registrations.apply(&wanted, self.agent.interval).await;
        let result = match applied {
            Applied::Unavailable => RoundResult::Unavailable,
            Applied::SomeRefused if result == RoundResult::Ok => RoundResult::Refused,
            _ => result,
        };
        self.remember().await;
        let conflicts = self.registrations.conflicts();
        self.agent.view.ended_round(result, conflicts);
        self.pause(begun, applied)
    }

    /// Returns how long to wait for the next round: until an interval after this
    /// one began, at most.
    fn pause(&mut self, begun: Instant, applied: Applied) -> Duration {
        let until_due = self.agent.interval.saturating_sub(begun.elapsed());
        if applied != Applied::Unavailable {
            if self.failed_rounds > 0 {
                self.log.available_again();
            }
            self.failed_rounds = 0;
            return until_due;
        }
        // From the end of the round, so that a resolver that hangs is left alone
        // for as long as one that refuses connections.
        // Without a random part: agents start at different times, and these
        // pauses leave them as far apart as they were.
        let factor = 2_u32.saturating_pow(self.failed_rounds);
        self.failed_rounds = self.failed_rounds.saturating_add(1);
        FIRST_PAUSE.saturating_mul(factor).min(until_due)
    }

    /// Returns the records of the listed sessions, unless it is unknown where the
    /// server listens.
    fn wanted(&mut self, list: &SessionList) -> Option<Wanted> {
        match self.agent.server.read() {
            Ok(server) => self.server = Some(server),
            Err(error) => self.log.dcv_config(&error),
        }
        let server = self.server.as_ref()?;
        let mut wanted = Wanted::new();
        for session in list.sessions() {
            match self.agent.records.record(session, server) {
                Ok(record) => match wanted.entry(record.id().clone()) {
                    Entry::Vacant(free) => _ = free.insert(record),
                    Entry::Occupied(taken) => self.log.duplicate(taken.key()),
                },
                Err(error) => self.log.session_failed("unusable", session.id(), &error),
            }
        }
        Some(wanted)
    }

    fn without_a_list(&self, now: Instant) -> Wanted {
        let held = self.registrations.held();
        let is_lost = now - self.listed >= self.agent.interval.saturating_mul(2);
        if is_lost && !held.is_empty() {
            self.log.lost_sight(held.len());
        }
        without_a_list(held, is_lost)
    }

    async fn remember(&self) {
        if let Some(file) = &self.agent.registered_file
            && let Err(error) = file.write(self.agent.view.records()).await
        {
            self.log.not_remembered(file.path(), &error);
        }
    }

    async fn end(&mut self) {
        if self.agent.keep {
            return;
        }
        let nothing = Wanted::new();
        if timeout(END_TIME, self.registrations.apply(&nothing, END_TIME))
            .await
            .is_err()
        {
            tracing::warn!(target: "dcv_resolver::agent", "not every session could be deregistered in time: they end with their leases");
        }
        self.remember().await;
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::testing::{FaultyStore, ManualClock};
    use dcv_resolver_core::{
        Clock, Expiry, LeaseToken, MemoryStore, SessionId, SessionRecord, SessionRegistry,
        SessionState, SessionStore, StoreErrorKind, Timestamp, Transport,
    };

    use super::*;
    use crate::session_list::InvalidSessionList;
    use crate::store_registrar::StoreRegistrar;

    const INTERVAL: Duration = Duration::from_secs(30);

    struct Fixture {
        rounds: Rounds,
        store: FaultyStore<MemoryStore>,
        clock: ManualClock,
        config: tempfile::NamedTempFile,
    }

    impl Fixture {
        fn new() -> Self {
            let store = FaultyStore::new(MemoryStore::new());
            let clock = ManualClock::new(Timestamp::from_unix_ms(0));
            let token = LeaseToken::from_bytes([7; LeaseToken::BYTES]);
            let registrar = StoreRegistrar::new(Arc::new(store.clone()), token);
            let config = tempfile::NamedTempFile::new().unwrap();
            let records = RecordTemplate::new("ws-17.dcv.example".parse().unwrap());
            let agent = Agent::new(records, Arc::new(registrar.with_clock(clock.clone())))
                .clock(clock.clone())
                .dcv_config(config.path().to_owned());
            Self {
                rounds: Rounds::new(agent),
                store,
                clock,
                config,
            }
        }

        /// A round that begins so many intervals after the start.
        async fn round(
            &mut self,
            intervals: u32,
            listed: Result<SessionList, DcvCommandError>,
        ) -> Duration {
            let begun = self.rounds.agent.interval * intervals;
            self.clock
                .set(Timestamp::from_unix_ms(0).saturating_add(begun));
            // Time stands still.
            self.rounds.reconcile(Instant::now() + begun, listed).await
        }

        async fn state(&self, id: &str) -> Option<SessionState> {
            let id: SessionId = id.parse().unwrap();
            let record = self.store.lookup(&id).await.unwrap()?;
            record.is_live(self.now()).then(|| record.state())
        }

        fn now(&self) -> Timestamp {
            self.clock.now()
        }
    }

    fn listed(ids: &[&str]) -> Result<SessionList, DcvCommandError> {
        let list: Vec<_> = ids.iter().map(|id| serde_json::json!({"id": id})).collect();
        Ok(SessionList::parse(&serde_json::to_vec(&list).unwrap()).unwrap())
    }

    fn failed() -> Result<SessionList, DcvCommandError> {
        let source: InvalidSessionList = SessionList::parse(b"{}").unwrap_err();
        Err(DcvCommandError::Invalid {
            program: "dcv".to_owned(),
            source,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn session_stays_ready_for_one_failure_and_is_unknown_after_two_intervals() {
        let mut fixture = Fixture::new();
        fixture.round(0, listed(&["a"])).await;
        for (interval, expected) in [
            (1, SessionState::Ready),
            (2, SessionState::Unknown),
            (9, SessionState::Unknown),
        ] {
            fixture.round(interval, failed()).await;
            assert_eq!(fixture.state("a").await, Some(expected), "{interval}");
        }
        fixture.round(10, listed(&["a"])).await;
        assert_eq!(fixture.state("a").await, Some(SessionState::Ready));
        fixture.round(11, listed(&[])).await;
        assert_eq!(fixture.state("a").await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn lease_lasts_three_intervals_and_a_lost_one_is_registered_again() {
        let mut fixture = Fixture::new();
        fixture.round(0, listed(&["a"])).await;
        fixture
            .clock
            .advance(INTERVAL * 3 - Duration::from_millis(1));
        assert!(fixture.state("a").await.is_some());
        fixture.clock.advance(Duration::from_millis(1));
        assert!(fixture.state("a").await.is_none());
        fixture.round(4, listed(&["a"])).await;
        assert!(fixture.state("a").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn restarted_agent_keeps_sessions_whose_leases_have_not_ended() {
        for (intervals, expected) in [
            (1, Some(SessionState::Ready)),
            (2, Some(SessionState::Unknown)),
            (3, None),
        ] {
            let state = tempfile::tempdir().unwrap();
            let mut fixture = Fixture::new();
            let agent = fixture.rounds.agent.state_folder(state.path());
            fixture.rounds = Rounds::new(agent);
            fixture.round(0, listed(&["a"])).await;

            fixture.clock.advance(INTERVAL * intervals);
            let mut agent = fixture.rounds.agent;
            agent.view = AgentView::default();
            fixture.rounds = Rounds::new(agent);
            fixture.round(intervals, failed()).await;
            assert_eq!(fixture.state("a").await, expected, "{intervals}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn operators_see_when_a_lease_ends() {
        let mut fixture = Fixture::new();
        fixture.round(2, listed(&["a"])).await;
        let records = fixture.rounds.agent.view().records();
        let expiries: Vec<_> = records.iter().map(SessionRecord::expiry).collect();
        let lease = INTERVAL * 3;
        assert_eq!(expiries, [Expiry::At(fixture.now().saturating_add(lease))]);
    }

    #[tokio::test(start_paused = true)]
    async fn id_that_another_owner_holds_is_left_alone_until_it_is_free() {
        let mut fixture = Fixture::new();
        let other = LeaseToken::from_bytes([8; LeaseToken::BYTES]);
        let record = SessionRecord::builder(
            "a".parse().unwrap(),
            "ws-18.dcv.example".parse().unwrap(),
            Expiry::Never,
        );
        let record = record.http_port(1).build().unwrap();
        let now = fixture.now();
        fixture.store.register(&record, &other, now).await.unwrap();
        let view = fixture.rounds.agent.view();

        fixture.round(0, listed(&["a", "b"])).await;
        assert_eq!(
            view.sessions_by_state(),
            [("READY", 1), ("UNKNOWN", 0), ("already_exists", 1)]
        );
        fixture.rounds.end().await;
        let id = record.id();
        assert_eq!(
            fixture.store.lookup(id).await.unwrap(),
            Some(record.clone())
        );
        assert!(fixture.state("b").await.is_none());

        // It is not known to have ended.
        fixture.round(1, failed()).await;
        assert_eq!(view.sessions_by_state()[2], ("already_exists", 1));
        fixture.round(1, listed(&["b"])).await;
        assert_eq!(view.sessions_by_state()[2], ("already_exists", 0));

        assert!(fixture.store.deregister(id, &other).await.unwrap());
        fixture.round(1, listed(&["a", "b"])).await;
        assert_eq!(
            view.sessions_by_state(),
            [("READY", 2), ("UNKNOWN", 0), ("already_exists", 0)]
        );
        assert_eq!(view.rounds_by_result()[0], ("ok", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn invalid_configuration_of_the_server_leaves_the_last_valid_one() {
        use std::fs::write;
        let mut fixture = Fixture::new();
        write(&fixture.config, "[connectivity]\nweb-port=0\n").unwrap();
        fixture.round(0, listed(&["a"])).await;
        assert_eq!(fixture.state("a").await, None, "the port is unknown");
        let health = fixture.rounds.agent.view().ping().await.unwrap_err();
        let cause = std::error::Error::source(&health).unwrap().to_string();
        assert_eq!(cause, "the configuration of the DCV server cannot be used");
        write(&fixture.config, "[connectivity]\nweb-port=9443\n").unwrap();
        fixture.round(1, listed(&["a"])).await;
        write(&fixture.config, "[connectivity]\nweb-port=0\n").unwrap();
        fixture.round(2, listed(&["a", "b"])).await;
        for id in ["a", "b"] {
            let record = fixture.store.lookup(&id.parse().unwrap()).await.unwrap();
            let port = record.unwrap().port(Transport::Http);
            assert_eq!(port, Some(9443));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_the_interval_while_the_store_is_away() {
        let mut fixture = Fixture::new();
        fixture.store.fail_with(StoreErrorKind::Unavailable);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let pause = fixture.round(0, listed(&["a", "b"])).await;
            assert_eq!(pause, Duration::from_secs(seconds));
        }
        assert_eq!(fixture.store.calls().register, 14);
        fixture.store.recover();
        assert_eq!(fixture.round(1, listed(&["a"])).await, INTERVAL);
        assert!(fixture.state("a").await.is_some());
        fixture.store.fail_with(StoreErrorKind::Unavailable);
        let pause = fixture.round(2, listed(&["a"])).await;
        assert_eq!(pause, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn session_whose_registration_was_not_answered_is_removed_when_it_ends() {
        let mut fixture = Fixture::new();
        fixture.store.lose_results(StoreErrorKind::TimedOut);
        fixture.round(0, listed(&["a"])).await;
        fixture.store.recover();
        assert!(fixture.state("a").await.is_some());
        fixture.round(1, listed(&[])).await;
        assert!(fixture.state("a").await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn store_that_hangs_counts_as_one_that_is_away() {
        let mut fixture = Fixture::new();
        fixture.store.hang();
        let pause = fixture.round(0, listed(&["a"])).await;
        assert_eq!(pause, FIRST_PAUSE);
        for seconds in [2, 4, 8, 15] {
            // The call hangs for half an interval.
            let pause = fixture.round(0, listed(&["a"])).await;
            assert_eq!(pause, Duration::from_secs(seconds));
        }
        fixture.rounds.end().await;
    }

    #[tokio::test(start_paused = true)]
    async fn longest_interval_keeps_a_session_registered() {
        let mut fixture = Fixture::new();
        let mut agent = fixture.rounds.agent;
        agent.interval = Duration::MAX;
        fixture.rounds = Rounds::new(agent);
        let begun = Instant::now();
        fixture.rounds.reconcile(begun, listed(&["a"])).await;
        let pause = fixture.rounds.reconcile(begun, failed()).await;
        assert_eq!(pause, Duration::MAX);
        assert_eq!(fixture.state("a").await, Some(SessionState::Ready));
    }

    #[test]
    fn limits_of_time_follow_the_interval() {
        let agent = || {
            let token = LeaseToken::from_bytes([7; LeaseToken::BYTES]);
            let registrar = StoreRegistrar::new(Arc::new(MemoryStore::new()), token);
            let records = RecordTemplate::new("ws-17.dcv.example".parse().unwrap());
            Agent::new(records, Arc::new(registrar))
        };
        assert_eq!(
            agent().interval(Duration::ZERO).interval,
            Agent::MIN_INTERVAL
        );
        for (seconds, expected) in [(3, 3), (60, 10)] {
            let agent = agent().interval(Duration::from_secs(seconds));
            let limit = Rounds::new(agent).agent.command.time_limit();
            assert_eq!(limit, Duration::from_secs(expected));
        }
    }
}
