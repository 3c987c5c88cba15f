//! Certificates and CAs that are replaced while clients are connected.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{Clock, Timestamp};
use dcv_resolver_server::tls::{Reload, TlsError};
use dcv_resolver_test_support::log::Log;
use dcv_resolver_test_support::pki::Ca;
use dcv_resolver_test_support::pki::rcgen::date_time_ymd;
use tokio::task::JoinSet;
use tracing::Level;

use crate::connections::eventually;
use crate::fixture::start;
use crate::pki::{Files, NAME, TlsClient, client_pair, server_pair};

/// Clients that send one request after the other until they are stopped.
struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

impl Load {
    fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            answered: Arc::default(),
        }
    }

    /// Adds one that sends `per_connection` requests, fewer if the server closes
    /// the connection, connects again as the current `client`, and so on. It panics when one is not answered.
    fn add(&mut self, address: SocketAddr, client: &Arc<Mutex<TlsClient>>, per_connection: u64) {
        let (stop, answered) = (Arc::clone(&self.stop), Arc::clone(&self.answered));
        let client = Arc::clone(client);
        self.tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let current = client.lock().unwrap().clone();
                let mut connection = current.connect(address).await.unwrap();
                for _ in 0..per_connection {
                    let answer = connection.get("/").await;
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                    if answer.is_last() || stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            }
        });
    }

    async fn until_answered(&self, more: u64) {
        let goal = self.answered.load(Ordering::Relaxed) + more;
        eventually("answers", || self.answered.load(Ordering::Relaxed) >= goal).await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_is_replaced_under_load_without_a_failed_request() {
    let ca = Ca::new("a CA");
    let files = Files::new(&server_pair(&ca));
    let tls = files.load();
    let server = start(|server| server.tls(tls.clone())).await;
    let client = Arc::new(Mutex::new(TlsClient::new(&ca, None)));
    let mut load = Load::new();
    for _ in 0..8 {
        // For as long as the test lasts, on one connection.
        load.add(server.address, &client, u64::MAX);
        load.add(server.address, &client, 3);
    }
    for _ in 0..20 {
        load.until_answered(100).await;
        let pair = server_pair(&ca);
        files.write_pair(&pair);
        assert_eq!(tls.reload().unwrap(), Reload::Replaced);
    }
    load.until_answered(100).await;
    load.end().await;
    assert_eq!(server.connections.tls_handshakes_failed_total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_ca_is_rotated_under_load_without_a_failed_request() {
    let (ca, old, new) = (Ca::new("a CA"), Ca::new("old"), Ca::new("new"));
    let files = Files::with_client_ca(&server_pair(&ca), &old.pem);
    let tls = files.load();
    let server = start(|server| server.tls(tls.clone())).await;
    let address = server.address;
    let with_old = TlsClient::new(&ca, Some(&client_pair(&old)));
    let with_new = TlsClient::new(&ca, Some(&client_pair(&new)));
    let client = Arc::new(Mutex::new(with_old.clone()));
    let mut load = Load::new();
    for _ in 0..8 {
        load.add(address, &client, 3);
    }
    load.until_answered(200).await;

    files.write("client-ca.pem", format!("{}{}", old.pem, new.pem));
    assert_eq!(tls.reload().unwrap(), Reload::Replaced);
    load.until_answered(200).await;
    *client.lock().unwrap() = with_new.clone();
    // Until then a task may connect, or be connected, as an old client.
    eventually("only new clients", || Arc::strong_count(&with_old.0) == 1).await;

    files.write("client-ca.pem", &new.pem);
    assert_eq!(tls.reload().unwrap(), Reload::Replaced);
    load.until_answered(200).await;
    assert_eq!(server.connections.tls_handshakes_failed_total(), 0);
    // Not even with its session of the time of the old CA.
    with_old.try_get(address).await.unwrap_err();
    assert_eq!(with_new.try_get(address).await.unwrap(), 200);
    load.end().await;
}

#[tokio::test]
async fn connection_from_before_the_removal_of_a_client_ca_gets_one_more_response() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let (ca, old, kept) = (
        Ca::new("a CA"),
        Ca::new("of clients"),
        Ca::new("of clients"),
    );
    let files = Files::with_client_ca(&server_pair(&ca), &format!("{}{}", old.pem, kept.pem));
    let tls = files.load();
    let server = start(|server| server.tls(tls.clone())).await;
    let address = server.address;
    let with_old = TlsClient::new(&ca, Some(&client_pair(&old)));
    let with_kept = TlsClient::new(&ca, Some(&client_pair(&kept)));
    let mut clients = Vec::new();
    for client in [&with_old, &with_kept] {
        let mut client = client.connect(address).await.unwrap();
        assert!(!client.get("/").await.is_last());
        clients.push(client);
    }

    // Neither a renewed certificate nor one more CA ends the trust.
    files.write_pair(&server_pair(&ca));
    assert_eq!(tls.reload().unwrap(), Reload::Replaced);
    let new = Ca::new("of clients");
    files.write(
        "client-ca.pem",
        format!("{}{}{}", kept.pem, old.pem, new.pem),
    );
    assert_eq!(tls.reload().unwrap(), Reload::Replaced);
    for client in &mut clients {
        assert!(!client.get("/").await.is_last());
    }
    assert!(!log.text().contains("was removed"), "{}", log.text());

    // Another CA of the same name takes its place.
    files.write("client-ca.pem", format!("{}{}", kept.pem, new.pem));
    assert_eq!(tls.reload().unwrap(), Reload::Replaced);
    let log = log.text();
    assert!(log.contains("a client CA was removed"), "{log}");
    assert!(log.contains("connections=2"), "{log}");
    for client in &mut clients {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.is_last()), (200, true));
        client.closed().await;
    }
    with_old.try_get(address).await.unwrap_err();
    let mut client = with_kept.connect(address).await.unwrap();
    assert!(!client.get("/").await.is_last());
    assert!(!client.get("/").await.is_last());
}

#[tokio::test]
async fn reload_returns_whether_the_content_changed_and_ignores_an_invalid_pair() {
    let ca = Ca::new("a CA");
    let files = Files::new(&server_pair(&ca));
    let tls = files.load();
    let clone = tls.clone();
    let server = start(|server| server.tls(tls.clone())).await;
    let client = TlsClient::new(&ca, None);
    assert_eq!(tls.reload().unwrap(), Reload::Unchanged);

    files.write_pair(&ca.issue(&[NAME, "new.example"], |_| {}));
    assert_eq!(tls.reload().unwrap(), Reload::Replaced);
    assert_eq!(tls.reload().unwrap(), Reload::Unchanged);
    assert_eq!(clone.certificate().dns_names(), [NAME, "new.example"]);

    files.write("key.pem", server_pair(&ca).key);
    for _ in 0..3 {
        let error = tls.reload().unwrap_err();
        assert!(matches!(error, TlsError::KeyMismatch { .. }), "{error}");
        assert_eq!(clone.certificate().dns_names(), [NAME, "new.example"]);
        assert_eq!(client.try_get(server.address).await.unwrap(), 200);
    }
}

/// A watch over files, and what it reported.
struct Watch {
    reports: Arc<Mutex<Vec<String>>>,
}

impl Watch {
    fn begin(files: &Files, clock: &ManualClock) -> Self {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let tls = files.try_load(clock.clone()).unwrap();
        let sink = Arc::clone(&reports);
        tokio::spawn(async move {
            tls.watch(|result| {
                let report = match result {
                    Ok(reload) => format!("{reload:?} {:?}", tls.certificate().dns_names()),
                    Err(error) => error.to_string(),
                };
                sink.lock().unwrap().push(report);
            })
            .await;
        });
        Self { reports }
    }

    /// Returns what is reported in the next `seconds` of a clock that stands
    /// still while files are read.
    async fn reports_within(&self, seconds: u64) -> Vec<String> {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        std::mem::take(&mut *self.reports.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn watch_reloads_a_pair_written_one_after_the_other() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let ca = Ca::new("a CA");
    let files = Files::new(&server_pair(&ca));
    let watch = Watch::begin(&files, &ManualClock::default());
    assert_eq!(watch.reports_within(3).await, [""; 0]);

    let new = ca.issue(&["new.example"], |_| {});
    files.write("cert.pem", &new.certificate);
    assert_eq!(watch.reports_within(1).await, [""; 0]);
    files.write("key.pem", &new.key);
    assert_eq!(
        watch.reports_within(10).await,
        [r#"Replaced ["new.example"]"#]
    );

    let log = log.text();
    assert!(
        log.contains("INFO dcv_resolver_server::tls: the TLS files have changed"),
        "{log}"
    );
    assert!(
        log.contains("WARN dcv_resolver_server::tls: the certificate's key is ECDSA"),
        "{log}"
    );
    assert!(log.contains(r#"dns_names="new.example""#), "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn watch_reports_invalid_files_once_and_their_recovery_once() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let ca = Ca::new("a CA");
    let pair = server_pair(&ca);
    let files = Files::new(&pair);
    let watch = Watch::begin(&files, &ManualClock::default());
    watch.reports_within(3).await;

    files.write("key.pem", server_pair(&ca).key);
    let reports = watch.reports_within(60).await;
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("does not match"), "{reports:?}");
    files.write_pair(&pair);
    assert_eq!(
        watch.reports_within(60).await,
        [format!("Unchanged [{NAME:?}]")]
    );

    let log = log.text();
    assert_eq!(log.matches("ERROR").count(), 1, "{log}");
    assert_eq!(
        log.matches("the TLS files are valid again").count(),
        1,
        "{log}"
    );
    assert!(!log.contains("tr0ub4dor"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn watch_reloads_a_certificate_once_it_is_valid() {
    let ca = Ca::new("a CA");
    let files = Files::new(&server_pair(&ca));
    let clock = ManualClock::default();
    let watch = Watch::begin(&files, &clock);
    watch.reports_within(3).await;
    files.write_pair(&ca.issue(&["new.example"], |params| {
        params.not_before = date_time_ymd(2030, 1, 2);
    }));
    let reports = watch.reports_within(60).await;
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(
        reports[0].contains("is not valid before 2030-01-02"),
        "{reports:?}"
    );
    clock.set("2030-01-02T00:00:00Z".parse::<Timestamp>().unwrap());
    assert!(clock.now().to_string().starts_with("2030-01-02"));
    assert_eq!(
        watch.reports_within(2).await,
        [r#"Replaced ["new.example"]"#]
    );
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn watch_follows_a_symlink_swap() {
    use std::os::unix::fs::symlink;
    let ca = Ca::new("a CA");
    let files = Files::new(&server_pair(&ca));
    // As Kubernetes lays out a secret: ..data is a link to a folder.
    let publish = |folder: &str, name: &str| {
        let pair = ca.issue(&[name], |_| {});
        std::fs::create_dir(files.path(folder)).unwrap();
        files.write(&format!("{folder}/cert.pem"), &pair.certificate);
        files.write(&format!("{folder}/key.pem"), &pair.key);
        symlink(folder, files.path("..tmp")).unwrap();
        std::fs::rename(files.path("..tmp"), files.path("..data")).unwrap();
    };
    publish("..one", "one.example");
    for name in ["cert.pem", "key.pem"] {
        std::fs::remove_file(files.path(name)).unwrap();
        symlink(format!("..data/{name}"), files.path(name)).unwrap();
    }
    let watch = Watch::begin(&files, &ManualClock::default());
    watch.reports_within(3).await;
    publish("..two", "two.example");
    assert_eq!(
        watch.reports_within(3).await,
        [r#"Replaced ["two.example"]"#]
    );
}
