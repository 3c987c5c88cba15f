//! [`Site`]: the commands of the services as processes of this machine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dcv_resolver_test_support::port::free_port;
use dcv_resolver_testkit::{OpenError, open_link};
use tempfile::TempDir;

use super::file::Compose;
use crate::in_repository;

/// Far longer than anything takes; no time is under test.
const DEADLINE: Duration = Duration::from_secs(60);

/// Every service, until it is dropped. Commands and files are those of
/// `compose.yaml`, except that addresses and paths are of this machine.
struct Site {
    compose: Compose,
    /// Of each service that listens.
    ports: BTreeMap<&'static str, u16>,
    folder: TempDir,
    processes: BTreeMap<String, Process>,
}

struct Process(Child);

impl Site {
    fn start() -> Self {
        let names = ["gateway", "resolver", "redis", "ws-17", "ws-18"];
        let mut site = Self {
            compose: Compose::read(),
            ports: names.map(|name| (name, free_port())).into(),
            folder: tempfile::tempdir().unwrap(),
            processes: BTreeMap::new(),
        };
        let ended = site.command("certificates", &[]).status().unwrap();
        assert!(ended.success(), "{}", site.logs());
        let mut services: Vec<_> = site.compose.services.keys().cloned().collect();
        services.retain(|name| name != "certificates");
        for name in services {
            site.run(&name);
        }
        site
    }

    fn run(&mut self, service: &str) {
        let process = self.command(service, &[]).spawn().unwrap();
        self.processes.insert(service.to_owned(), Process(process));
    }

    /// Stops a service as `docker compose stop` does.
    fn stop(&mut self, service: &str) {
        let mut process = self.processes.remove(service).unwrap();
        let pid = process.0.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
        assert!(process.0.wait().unwrap().success(), "{}", self.logs());
    }

    /// Runs a command in the container of a service, as `docker compose exec`
    /// does, and returns what it prints.
    fn exec(&self, service: &str, command: &[&str]) -> String {
        let mut command = self.command(service, command);
        let output = command.stdout(Stdio::piped()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `doctor` finds with the settings of the gateway.
    fn doctor(&self, id: &str) -> String {
        let link = format!("https://localhost:8443/#{id}");
        let config = "/etc/dcv-connection-gateway/dcv-connection-gateway.conf";
        let command = ["doctor", "--link", &link, "--gateway-config", config];
        self.exec("gateway", &[&["dcv-resolver"], &command[..]].concat())
    }

    /// Why the resolver answers as it does.
    fn explain(&self, id: &str) -> String {
        self.exec("resolver", &["dcv-resolver", "explain", id])
    }

    /// Returns another command in the container of a service, or its own.
    fn command(&self, service: &str, other: &[&str]) -> Command {
        let own = &self.compose.services[service];
        for mount in own.mounts() {
            let copy = self.local_path(mount.source);
            fs::create_dir_all(&copy).unwrap();
            if let Some(source) = mount.source.strip_prefix("./") {
                self.copy(
                    service,
                    &in_repository("examples/deploy/compose").join(source),
                    &copy,
                );
            }
        }
        let text = if other.is_empty() {
            own.command.join("\n")
        } else {
            other.join("\n")
        };
        let text = self.localized(service, &text);
        let mut words = text.split('\n');
        let mut command = match words.next().unwrap() {
            "redis-server" => {
                let mut command = Command::new("redis-server");
                command.args([
                    "--bind",
                    "127.0.0.1",
                    "--port",
                    &self.ports["redis"].to_string(),
                ]);
                command.arg("--dir").arg(self.folder.path());
                command
            }
            "dcv-resolver" => Command::new(built("dcv-resolver")),
            "stand_ins" => Command::new(built("examples/stand_ins")),
            program => panic!("{service} runs {program}"),
        };
        let log = self.folder.path().join(format!("{service}.log"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        for (name, value) in &own.environment {
            command.env(name, self.localized(service, value));
        }
        if service == "resolver" {
            command.env("DCV_RESOLVER_OPS_LISTEN", "127.0.0.1:0");
        }
        command
    }

    /// Copies the files of a folder.
    fn copy(&self, service: &str, from: &Path, to: &Path) {
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            let text = fs::read_to_string(file.path()).unwrap();
            fs::write(to.join(file.file_name()), self.localized(service, &text)).unwrap();
        }
    }

    /// Where a volume or a folder of `compose.yaml` is.
    fn local_path(&self, source: &str) -> PathBuf {
        self.folder.path().join(source)
    }

    /// Replaces paths by those of this machine, and names of services and their
    /// ports by `localhost` and a free one. Words of a command are on lines of
    /// their own.
    fn localized(&self, service: &str, text: &str) -> String {
        let mut text = text.to_owned();
        let mut replace = |from: &str, to: &str| text = text.replace(from, to);
        for mount in self.compose.services[service].mounts() {
            replace(
                mount.target,
                self.local_path(mount.source).to_str().unwrap(),
            );
        }
        let page = in_repository("tests/testkit/web");
        replace("/usr/share/dcv/www", page.to_str().unwrap());
        let ports = &self.ports;
        if let Some(port) = ports.get(service) {
            for of_container in ["8443", "9000"] {
                replace(
                    &format!("0.0.0.0:{of_container}"),
                    &format!("127.0.0.1:{port}"),
                );
            }
        }
        replace(
            "//resolver:9000",
            &format!("//localhost:{}", ports["resolver"]),
        );
        replace(
            "redis://redis",
            &format!("redis://localhost:{}", ports["redis"]),
        );
        for server in ["ws-17", "ws-18"] {
            let port = ports[server];
            replace(
                &format!("host = \"{server}\"\nhttp_port = 8443"),
                &format!("host = \"localhost\"\nhttp_port = {port}"),
            );
            replace(
                &format!("--host\n{server}\n--id\n{{host}}-{{session}}\n--http-port\n8443"),
                &format!("--host\nlocalhost\n--id\n{server}-{{session}}\n--http-port\n{port}"),
            );
        }
        text
    }

    /// Opens a link again and again, until it leads to this server, session and
    /// user, or is refused with this status.
    async fn wait_for(&self, id: &str, expected: Result<[&str; 3], u16>) {
        let link = format!("https://localhost:{}/#{id}", self.ports["gateway"]);
        let started = Instant::now();
        loop {
            let opened = open_link(&link).await;
            let is_so = match (&opened, expected) {
                (Ok(desktop), Ok(expected)) => {
                    [&desktop.server, &desktop.session, &desktop.user] == expected
                }
                (Err(OpenError::Refused { status, .. }), Err(expected)) => *status == expected,
                _ => false,
            };
            if is_so {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "{id}: {opened:?}\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What every service has logged.
    fn logs(&self) -> String {
        let mut logs = String::new();
        for service in self.compose.services.keys() {
            let log = self.folder.path().join(format!("{service}.log"));
            let log = fs::read_to_string(log).unwrap_or_default();
            logs.extend(["== ", service, "\n", &log]);
        }
        logs
    }
}

fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().with_file_name(program);
    assert!(
        path.exists(),
        "run `cargo build -p dcv-resolver` and `cargo build -p dcv-resolver-testkit --examples` before this test"
    );
    path
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[track_caller]
fn assert_says(text: &str, part: &str) {
    assert!(text.contains(part), "{part:?} is not in:\n{text}");
}

/// What the README says, in its order.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, the ready binary and the stand-ins"]
async fn link_leads_to_its_desktop_and_each_failure_has_its_name() {
    let mut site = Site::start();
    let ann = Ok(["ws-17", "console", "ann"]);
    let bob = Ok(["ws-18", "cad", "bob"]);
    site.wait_for("ws-17-console", ann).await;
    site.wait_for("ws-18-cad", bob).await;
    site.wait_for("reception", ann).await;
    assert_says(&site.exec("resolver", &["dcv-resolver", "check"]), "redis");
    assert_says(&site.doctor("ws-18-cad"), "no cause found");
    assert_says(
        &site.explain("ws-18-cad"),
        "store agents: holds it as \"cad\"",
    );

    site.wait_for("ws-18-console", Err(404)).await;
    assert_says(&site.doctor("ws-18-console"), "knows no session");
    assert_says(
        &site.explain("ws-18-console"),
        "did you mean \"ws-17-console\"",
    );

    site.stop("redis");
    site.wait_for("ws-18-cad", Err(502)).await;
    site.wait_for("reception", ann).await;
    assert_says(&site.doctor("ws-18-cad"), "status 503");
    assert_says(&site.explain("ws-18-cad"), "the store cannot be reached");
    site.run("redis");
    site.wait_for("ws-18-cad", bob).await;

    site.stop("ws-17");
    site.wait_for("reception", Err(502)).await;
    assert_says(&site.doctor("reception"), "start the DCV server");
    site.wait_for("ws-17-console", Err(404)).await;
    assert_says(&site.doctor("ws-17-console"), "the session is UNKNOWN");
    site.run("ws-17");
    site.wait_for("ws-17-console", ann).await;

    site.stop("ws-18-agent");
    site.wait_for("ws-18-cad", Err(404)).await;

    site.stop("resolver");
    site.wait_for("reception", Err(502)).await;
    assert_says(&site.doctor("reception"), "start the resolver");
}
