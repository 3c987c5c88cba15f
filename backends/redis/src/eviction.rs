//! [`Eviction`]: whether a server drops keys to free memory.

use std::fmt;

/// A server drops keys once it uses the memory that it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Eviction {
    policy: String,
    max_memory_bytes: u64,
    /// How many keys it has dropped since it was started.
    evicted_keys: u64,
}

impl Eviction {
    /// Reads the replies to `INFO memory` and `INFO stats`. `CONFIG GET` would say
    /// the same, and is forbidden by many hosts of Redis.
    pub(crate) fn read(memory: &str, stats: &str) -> Option<Self> {
        let policy = field(memory, "maxmemory_policy")?;
        let max_memory_bytes = number(memory, "maxmemory");
        let evicts = policy != "noeviction" && max_memory_bytes > 0;
        evicts.then(|| Self {
            policy: policy.to_owned(),
            max_memory_bytes,
            evicted_keys: number(stats, "evicted_keys"),
        })
    }
}

impl fmt::Display for Eviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            policy,
            max_memory_bytes,
            evicted_keys,
        } = self;
        write!(
            f,
            "drops live sessions when its maxmemory of {max_memory_bytes} bytes is used, because its maxmemory-policy is {policy}; set noeviction"
        )?;
        match evicted_keys {
            0 => Ok(()),
            1 => f.write_str("; it has dropped 1 key so far"),
            keys => write!(f, "; it has dropped {keys} keys so far"),
        }
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        (field == name).then_some(value)
    })
}

fn number(info: &str, name: &str) -> u64 {
    let value = field(info, name).and_then(|value| value.parse().ok());
    value.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_policy_with_a_limit_evicts() {
        for (policy, max_memory, evicted, shown) in [
            ("noeviction", 100, 0, None),
            ("allkeys-lru", 0, 0, None),
            (
                "allkeys-lru",
                100,
                0,
                Some("is allkeys-lru; set noeviction"),
            ),
            (
                "volatile-ttl",
                100,
                1,
                Some("; it has dropped 1 key so far"),
            ),
            (
                "volatile-lru",
                100,
                7,
                Some("; it has dropped 7 keys so far"),
            ),
        ] {
            let memory = format!(
                "# Memory\r\nmaxmemory:{max_memory}\r\nmaxmemory_human:1\r\nmaxmemory_policy:{policy}\r\n"
            );
            let stats = format!("# Stats\r\nevicted_keys:{evicted}\r\n");
            let found = Eviction::read(&memory, &stats).map(|eviction| eviction.to_string());
            match shown {
                None => assert_eq!(found, None),
                Some(end) => assert!(found.as_ref().unwrap().ends_with(end), "{found:?}"),
            }
        }
        // Not Redis, or a proxy that leaves it out.
        assert_eq!(Eviction::read("", ""), None);
    }
}
