//! Agents and resolvers that share a Redis, while each of them comes and goes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use dcv_resolver_test_support::port::free_port;

use crate::client::{Client, ask};
use crate::dcv_server::{DcvServer, rounds, sessions};
use crate::redis::Redis;
use crate::support::{QUIET, Serving, dcv_resolver, wait_until};

/// The lease is three times as long: far longer than an agent is delayed on a
/// busy machine.
const INTERVAL: [&str; 2] = ["--interval-ms", "2000"];

fn host(number: usize) -> String {
    format!("ws-{number}.dcv.example")
}

fn agent(server: &DcvServer, redis: u16) -> Serving {
    let mut command = server.agent(&[&INTERVAL[..], &["--id", "{session}@{host}"]].concat());
    command.env("DCV_RESOLVER_STORE", Redis::url(redis));
    Serving::spawn_agent(command)
}

fn resolver(redis: u16) -> Serving {
    let mut command = dcv_resolver(&["serve", "--listen", "127.0.0.1:0", "--log-level", QUIET]);
    command.env("DCV_RESOLVER_STORE", Redis::url(redis));
    Serving::spawn(command)
}

fn target(number: usize, session: &str) -> String {
    format!("POST /resolveSession?sessionId={session}@{}", host(number))
}

fn is_found(resolver: &Serving, number: usize, session: &str) -> bool {
    ask(resolver.address, &target(number, session)).status == 200
}

/// Asks a resolver for sessions that run throughout, until it is stopped.
struct Watch {
    ends: Arc<AtomicBool>,
    thread: thread::JoinHandle<u64>,
}

impl Watch {
    fn start(resolver: Arc<Mutex<SocketAddr>>, numbers: &[usize]) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        let targets: Vec<_> = numbers
            .iter()
            .map(|number| target(*number, "steady"))
            .collect();
        let thread = thread::spawn(move || {
            let mut found = 0;
            while !ended.load(Ordering::Relaxed) {
                let address = *resolver.lock().unwrap();
                for target in &targets {
                    // A resolver that is restarted refuses connections, or cuts
                    // them: that is no answer.
                    let answer = Client::connect(address).and_then(|mut it| it.ask(target));
                    if let Ok(answer) = answer {
                        assert_ne!(answer.status, 404, "{target}: {answer:?}");
                        found += u64::from(answer.status == 200);
                    }
                }
                thread::sleep(Duration::from_millis(5));
            }
            found
        });
        Self { ends, thread }
    }

    fn stop(self) -> u64 {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

#[test]
#[ignore = "needs redis-server"]
fn session_that_runs_throughout_is_never_not_found() {
    let port = free_port();
    let servers = [1, 2, 3].map(|number| DcvServer::new(&host(number)));
    for server in &servers {
        server.lists(&["steady"]);
    }
    // Redis is away at first.
    let [one, two, three] = servers.each_ref().map(|server| agent(server, port));
    wait_until("an agent finds that Redis is away", || {
        rounds(&one, "unavailable") > 0
    });
    let _redis = Redis::start(port);
    let [first, second] = [0, 0].map(|_| resolver(port));
    for resolver in [&first, &second] {
        for number in 1..=3 {
            wait_until("every session is found", || {
                is_found(resolver, number, "steady")
            });
        }
    }
    let second_address = Arc::new(Mutex::new(second.address));
    let watches = [
        Watch::start(Arc::new(Mutex::new(first.address)), &[1, 2]),
        Watch::start(Arc::clone(&second_address), &[1, 2]),
    ];

    // Sessions come and go beside the steady one.
    for session in ["cad", "render"] {
        servers[0].lists(&["steady", session]);
        wait_until("it is found", || is_found(&second, 1, session));
        servers[0].lists(&["steady"]);
        wait_until("its end is seen", || !is_found(&first, 1, session));
    }
    // An agent is killed and started again.
    two.kill();
    let two = agent(&servers[1], port);
    wait_until("it owns its session", || {
        rounds(&two, "ok") > 0 && sessions(&two, "READY") == 1
    });
    assert_eq!(sessions(&two, "already_exists"), 0);
    // A resolver is restarted.
    assert_eq!(second.stop().exit_code, Some(0));
    let second = resolver(port);
    *second_address.lock().unwrap() = second.address;
    wait_until("it serves", || is_found(&second, 2, "steady"));
    // An agent is killed, and stays away: its sessions end with their leases.
    three.kill();
    wait_until("the lease of its session ends", || {
        let answer = ask(first.address, &target(3, "steady"));
        answer.status == 404 && answer.reason() == "expired"
    });
    // The others have been renewed for longer than a lease lasts.
    for watch in watches {
        assert!(watch.stop() > 0);
    }
    for agent in [one, two] {
        assert_eq!(agent.stop().exit_code, Some(0));
    }
    for number in 1..=2 {
        wait_until("its end is seen", || !is_found(&second, number, "steady"));
    }
}
