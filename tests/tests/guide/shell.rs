//! [`Shell`]: the one that a reader types the commands of a chapter into.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::place::Place;

/// Far longer than any command takes; no time is under test.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Shell {
    bash: Child,
    input: Option<ChildStdin>,
    /// Where the outputs are.
    folder: PathBuf,
    count: u32,
}

pub(crate) struct Printed {
    pub(crate) text: String,
    pub(crate) has_succeeded: bool,
}

impl Shell {
    pub(crate) fn start(work: &Path, place: &Place) -> Self {
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash")
            .current_dir(work)
            .env(
                "PATH",
                format!("{}:{path}", place.path("programs").display()),
            )
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: bash.stdin.take(),
            bash,
            folder: place.path("printed"),
            count: 0,
        }
    }

    /// Runs a command and waits for its end, but not for what it leaves in the
    /// background.
    pub(crate) fn run(&mut self, command: &str) -> Printed {
        self.count += 1;
        let path = |name| self.folder.join(format!("{}.{name}", self.count));
        let (output, part, status) = (path("output"), path("part"), path("status"));
        let script = format!(
            "{{ {command}\n}} >{output} 2>&1 </dev/null; echo $? >{part}; mv {part} {status}\n",
            output = output.display(),
            part = part.display(),
            status = status.display(),
        );
        let input = self.input.as_mut().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        let started = Instant::now();
        while !status.exists() {
            assert!(started.elapsed() < DEADLINE, "does not end: {command}");
            thread::sleep(Duration::from_millis(5));
        }
        Printed {
            text: fs::read_to_string(output).unwrap(),
            has_succeeded: fs::read_to_string(status).unwrap().trim() == "0",
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(mut input) = self.input.take() {
            let _sent = input.write_all(b"kill $(jobs -p) 2>/dev/null; wait\n");
        }
        let _ended = self.bash.wait();
    }
}
