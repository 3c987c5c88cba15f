//! A DCV server without DCV: a command that lists the sessions that the test
//! sets, and an agent.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Serving, dcv_resolver};

/// A DCV server, and the state of its agent.
pub(crate) struct DcvServer {
    folder: TempDir,
    host: String,
}

impl DcvServer {
    /// A server with this name and no sessions.
    pub(crate) fn new(host: &str) -> Self {
        let server = Self {
            folder: tempfile::tempdir().unwrap(),
            host: host.to_owned(),
        };
        server.write("dcv.conf", "");
        server.works();
        server.lists(&[]);
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a file, never half written.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, content).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Runs these sessions.
    pub(crate) fn lists(&self, ids: &[&str]) {
        let session = |id: &&str| json!({"id": id, "owner": "ann", "last-disconnection-time": ""});
        let list: Value = ids.iter().map(session).collect();
        self.write("sessions.json", &list.to_string());
    }

    /// The command prints the sessions.
    pub(crate) fn works(&self) {
        self.does(&format!("cat '{}'", self.path("sessions.json").display()));
    }

    /// The command does this.
    pub(crate) fn does(&self, script: &str) {
        self.write("dcv.sh", script);
    }

    /// An agent on this server.
    pub(crate) fn agent(&self, arguments: &[&str]) -> Command {
        let mut command = dcv_resolver(&["agent", "--host", &self.host]);
        command
            .args(arguments)
            .arg("--state-dir")
            .arg(self.folder.path())
            .arg("--dcv-config")
            .arg(self.path("dcv.conf"))
            // Not the script itself, which another thread may still have open for
            // writing.
            .args(["--", "sh"])
            .arg(self.path("dcv.sh"));
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Serving {
        Serving::spawn_agent(self.agent(arguments))
    }
}

/// How many rounds of an agent ended with `result`.
pub(crate) fn rounds(agent: &Serving, result: &str) -> u64 {
    let sample = format!("dcv_resolver_agent_rounds_total{{result=\"{result}\"}}");
    agent.metric(&sample).unwrap_or_default() as u64
}

/// How many sessions of an agent are in `state`.
pub(crate) fn sessions(agent: &Serving, state: &str) -> u64 {
    let sample = format!("dcv_resolver_agent_sessions{{state=\"{state}\"}}");
    agent.metric(&sample).unwrap_or_default() as u64
}
