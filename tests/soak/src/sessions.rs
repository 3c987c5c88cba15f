//! The sessions of the run: those of agents in SQLite, those of a file, those
//! in Redis, and some that do not exist.

/// How many sessions the file and Redis have each.
pub(crate) const OTHERS: usize = 100;

/// Where a session is, which says what may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the first store, held by an agent's lease: always found.
    Leased(usize),
    /// In the second store, a file: always found.
    InFile(usize),
    /// In the third store, which has outages: found, or 503 during an outage.
    InRedis(usize),
    /// Nowhere: 404, or 503 while the third store cannot be asked.
    Nowhere(usize),
}

impl Place {
    /// Returns a place for any number; nine of ten are leased.
    pub(crate) fn any(number: u64, leased: usize) -> Self {
        let index = usize::try_from(number >> 32).unwrap_or(0);
        match number % 40 {
            0 => Self::Nowhere(index % OTHERS),
            1 => Self::InFile(index % OTHERS),
            2 | 3 => Self::InRedis(index % OTHERS),
            _ => Self::Leased(index % leased),
        }
    }

    pub(crate) fn id(self) -> String {
        match self {
            Self::Leased(number) => leased_id(number),
            Self::InFile(number) => format!("file-{number}"),
            Self::InRedis(number) => format!("redis-{number}"),
            Self::Nowhere(number) => format!("nowhere-{number}"),
        }
    }

    /// Returns whether this answer is right. `redis_was_up` is whether Redis
    /// answered during all of the request.
    pub(crate) fn accepts(self, status: u16, redis_was_up: bool) -> bool {
        match (self, status) {
            (Self::Leased(_) | Self::InFile(_) | Self::InRedis(_), 200)
            | (Self::Nowhere(_), 404) => true,
            (Self::InRedis(_) | Self::Nowhere(_), 503) => !redis_was_up,
            _ => false,
        }
    }
}

pub(crate) fn leased_id(number: usize) -> String {
    format!("agent-{number:05}")
}

/// Returns a session file with `OTHERS` sessions whose ids start with `prefix`.
/// `version` makes its content different.
pub(crate) fn file(prefix: &str, version: u64) -> String {
    let session = |number| {
        format!(
            "[sessions.{prefix}-{number}]\nhost = \"ws-{number}.dcv.example\"\nhttp_port = 8443\n"
        )
    };
    let sessions: String = (0..OTHERS).map(session).collect();
    format!("# version {version}\n{sessions}")
}
