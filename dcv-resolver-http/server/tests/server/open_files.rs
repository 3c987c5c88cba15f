//! A process that may open no more files.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use dcv_resolver_test_support::client::DEADLINE;
use dcv_resolver_test_support::log::Log;
use tracing::Level;

use crate::fixture::start;

/// "Too many open files", on every Linux.
const EMFILE: i32 = 24;
const MARK: &str = "DCV_RESOLVER_TEST_WITH_FEW_FILES";
const NAME: &str = "open_files::process_out_of_file_descriptors_waits_and_recovers";

/// Runs itself again in a process of its own that may open few files.
#[test]
fn process_out_of_file_descriptors_waits_and_recovers() {
    if std::env::var_os(MARK).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(out_of_files());
    }
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{output:?}");
    assert!(text.contains("1 passed"), "{text}");
}

async fn out_of_files() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server).await;
    let mut stat = File::open("/proc/self/stat").unwrap();

    // Nothing is accepted meanwhile: this is the only thread.
    let mut clients = Vec::new();
    let error = loop {
        match TcpStream::connect(server.address) {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
    };
    assert_eq!(error.raw_os_error(), Some(EMFILE), "{error}");

    let before = cpu_ticks(&mut stat);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent = cpu_ticks(&mut stat) - before;
    assert!(spent < 10, "it was busy for {spent} of 100 ticks");
    let warnings = log.text();
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    assert!(
        warnings.contains("raise the limit on open files"),
        "{warnings}"
    );

    let mut last = clients.pop().unwrap();
    drop(clients);
    let answered = tokio::task::spawn_blocking(move || {
        last.set_read_timeout(Some(DEADLINE)).unwrap();
        last.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        last.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answered.await.unwrap().ends_with("hello"));

    server.stop().await;
    let log = log.text();
    assert!(log.contains("still could not accept connections"), "{log}");
    assert!(log.contains("Too many open files"), "{log}");
}

/// Returns the processor time of this process, in hundredths of a second.
fn cpu_ticks(stat: &mut File) -> u64 {
    let mut text = String::new();
    stat.rewind().unwrap();
    stat.read_to_string(&mut text).unwrap();
    let after_name = text.rsplit(')').next().unwrap();
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next().unwrap().parse::<u64>().unwrap();
    next() + next()
}
