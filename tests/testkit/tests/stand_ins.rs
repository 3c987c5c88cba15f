//! A resolver that is not ours, between the stand-ins.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on the first failure"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::post;
use dcv_resolver_client::{Bytes, HeaderMap, HttpClient, Method, TlsOptions};
use dcv_resolver_test_support::port::free_port;
use dcv_resolver_testkit::GatewayMetric::{
    SessionResolverConnectionErrorCount, SessionResolverInvalidResponseCount,
    SessionResolverNotFoundCount, SessionResolverSuccessCount, TargetTlsNegotiationErrorCount,
    TargetUnreachableErrorCount,
};
use dcv_resolver_testkit::GatewayProtocol::{Http, Quic, WebSocket};
use dcv_resolver_testkit::{
    DcvServerBuilder, DcvServerStandIn, DcvSession, GatewayConfig, GatewayMetric, GatewayProtocol,
    GatewayStandIn, OpenError, open_link, write_certificates, write_web_client,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Answers every request with the same status and body.
struct Resolver {
    port: u16,
    /// The queries of the requests.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Resolver {
    async fn start(status: u16, body: &str) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (body, queries) = (body.to_owned(), Arc::clone(&asked));
        let answer = move |uri: Uri| async move {
            queries
                .lock()
                .unwrap()
                .push(uri.query().unwrap().to_owned());
            (StatusCode::from_u16(status).unwrap(), body)
        };
        let port = serve(Router::new().route("/resolveSession", post(answer))).await;
        Self { port, asked }
    }

    /// Leads every request to a session `console`.
    async fn leading_to(host: &str, port: u16, path: &str) -> Self {
        Self::start(200, &answer(host, port, path).to_string()).await
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(host: &str, port: u16, path: &str) -> Value {
    json!({
        "SessionId": "console", "TransportProtocol": "HTTP",
        "DcvServerEndpoint": host, "Port": port, "WebUrlPath": path,
    })
}

/// Serves until the end of the test.
async fn serve(app: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(axum::serve(listener, app).into_future());
    port
}

/// A DCV server with a console session of `ann`.
async fn dcv_server(change: impl FnOnce(DcvServerBuilder) -> DcvServerBuilder) -> DcvServerStandIn {
    let server = change(DcvServerStandIn::builder("ws-17")).start().await;
    let server = server.unwrap();
    server.set_sessions([DcvSession::console("ann")]).unwrap();
    server
}

/// A gateway that asks a resolver, with `more` at the end of its configuration.
async fn gateway(resolver_port: u16, more: &str) -> GatewayStandIn {
    let config = format!(
        "[resolver]\nurl = \"http://localhost:{resolver_port}\"\n\
         [gateway]\nweb-listen-endpoints = [\"127.0.0.1:0\"]\n{more}\n"
    );
    let config = GatewayConfig::parse(&config).unwrap();
    GatewayStandIn::start(&config).await.unwrap()
}

fn trusting(server: &DcvServerStandIn) -> String {
    format!("[dcv]\nca-file = {:?}\n", server.ca_file())
}

fn url(gateway: &GatewayStandIn) -> String {
    format!("https://{}", gateway.addresses().next().unwrap())
}

async fn get(gateway: &GatewayStandIn, path: &str) -> (u16, String) {
    let client =
        HttpClient::builder(url(gateway).parse().unwrap()).tls(TlsOptions::default().strict(false));
    let client = client.build().unwrap();
    let answer = client.send(Method::GET, path, HeaderMap::new(), Bytes::new());
    let (head, body) = answer.await.unwrap().into_parts();
    (
        head.status.as_u16(),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

async fn refusal(gateway: &GatewayStandIn, link: &str) -> (u16, String) {
    match gateway.open(link).await.unwrap_err() {
        OpenError::Refused { status, body, .. } => (status, body),
        error => panic!("{error}"),
    }
}

/// What was counted; the rest is zero.
fn counts(gateway: &GatewayStandIn) -> Vec<(GatewayMetric, GatewayProtocol, u64)> {
    let metrics = [
        SessionResolverSuccessCount,
        SessionResolverNotFoundCount,
        SessionResolverInvalidResponseCount,
        SessionResolverConnectionErrorCount,
        TargetUnreachableErrorCount,
        TargetTlsNegotiationErrorCount,
    ];
    let all = metrics.iter().flat_map(|metric| {
        [Http, WebSocket, Quic]
            .map(|protocol| (*metric, protocol, gateway.count(*metric, protocol)))
    });
    all.filter(|(_, _, count)| *count > 0).collect()
}

#[tokio::test]
async fn client_reaches_the_session_that_the_resolver_names() {
    let server = dcv_server(|it| it.web_url_path("/desktop".parse().unwrap())).await;
    let resolver = Resolver::leading_to("localhost", server.port(), "/desktop").await;
    let gateway = gateway(resolver.port, &trusting(&server)).await;

    let desktop = gateway.open("/#i-0abc").await.unwrap();
    assert_eq!(
        (&*desktop.server, &*desktop.session, &*desktop.user),
        ("ws-17", "console", "ann")
    );
    let query = "sessionId=i-0abc&transport=HTTP&clientIpAddress=127.0.0.1";
    assert_eq!(resolver.asked(), [query]);
    assert_eq!(
        counts(&gateway),
        [(SessionResolverSuccessCount, WebSocket, 1)]
    );
}

#[tokio::test]
async fn plain_request_with_a_session_id_is_forwarded() {
    let server = dcv_server(|it| it).await;
    let resolver = Resolver::leading_to("localhost", server.port(), "/").await;
    let gateway = gateway(resolver.port, &trusting(&server)).await;
    // From the server, which has let the client in.
    let (status, body) = get(&gateway, "/auth?sessionId=ann").await;
    assert!(status == 400 && body.contains("upgrade"), "{status} {body}");
    assert_eq!(get(&gateway, "/other?sessionId=ann").await.0, 404);
    assert_eq!(counts(&gateway), [(SessionResolverSuccessCount, Http, 2)]);
}

#[tokio::test]
async fn server_has_a_page_at_its_web_path() {
    for path in ["/", "/desktop", "/desktop/"] {
        let server = dcv_server(|it| it.web_url_path(path.parse().unwrap())).await;
        let client = HttpClient::builder(
            format!("https://localhost:{}", server.port())
                .parse()
                .unwrap(),
        )
        .tls(TlsOptions::default().ca_file(server.ca_file()))
        .build()
        .unwrap();
        let page = client.send(Method::GET, path, HeaderMap::new(), Bytes::new());
        assert!(
            page.await
                .unwrap()
                .body()
                .starts_with(b"the DCV server ws-17")
        );
    }
}

#[tokio::test]
async fn gateway_with_quic_asks_for_both_transports() {
    let server = dcv_server(|it| it).await;
    let resolver = Resolver::leading_to("localhost", server.port(), "/").await;
    let more = format!(
        "quic-listen-endpoints = [\"127.0.0.1:0\"]\n{}",
        trusting(&server)
    );
    let gateway = gateway(resolver.port, &more).await;
    gateway.open("/#ann").await.unwrap();
    let mut transports: Vec<_> = resolver
        .asked()
        .iter()
        .map(|query| query.split('&').nth(1).unwrap().to_owned())
        .collect();
    transports.sort();
    assert_eq!(transports, ["transport=HTTP", "transport=QUIC"]);
    let success = SessionResolverSuccessCount;
    assert_eq!(
        counts(&gateway),
        [(success, WebSocket, 1), (success, Quic, 1)]
    );
}

#[tokio::test]
async fn what_a_resolver_answers_is_counted_by_its_status() {
    let port = 8443;
    let without_port = json!({
        "SessionId": "console", "TransportProtocol": "HTTP",
        "DcvServerEndpoint": "localhost", "WebUrlPath": "/",
    });
    for (status, body, refused, text, metric) in [
        (
            404,
            "",
            404,
            "knows no session \"ann\" for HTTP",
            SessionResolverNotFoundCount,
        ),
        (
            404,
            "<html>",
            404,
            "knows no session",
            SessionResolverNotFoundCount,
        ),
        (503, "", 502, "503", SessionResolverInvalidResponseCount),
        (
            302,
            "",
            502,
            "redirect",
            SessionResolverInvalidResponseCount,
        ),
        (200, "", 502, "contract", SessionResolverSuccessCount),
        (
            200,
            &without_port.to_string(),
            502,
            "Port",
            SessionResolverSuccessCount,
        ),
        (
            200,
            &answer("localhost:1", port, "/").to_string(),
            502,
            "DcvServerEndpoint",
            SessionResolverSuccessCount,
        ),
    ] {
        let resolver = Resolver::start(status, body).await;
        let gateway = gateway(resolver.port, "").await;
        let (answered, what) = refusal(&gateway, "/#ann").await;
        assert_eq!(answered, refused, "{status} {body}: {what}");
        assert!(what.contains(text), "{status} {body}: {what}");
        assert_eq!(
            counts(&gateway),
            [(metric, WebSocket, 1)],
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn resolver_that_does_not_listen_is_a_connection_error() {
    let gateway = gateway(free_port(), "").await;
    let (status, what) = refusal(&gateway, "/#ann").await;
    assert!(
        status == 502 && what.contains("resolver"),
        "{status} {what}"
    );
    let metric = SessionResolverConnectionErrorCount;
    assert_eq!(counts(&gateway), [(metric, WebSocket, 1)]);
}

#[tokio::test]
async fn server_is_trusted_as_the_dcv_section_says() {
    let named = dcv_server(|it| it).await;
    let misnamed = dcv_server(|it| it.certificate_names(["ws-17.dcv.example"])).await;
    let (unreachable, tls) = (TargetUnreachableErrorCount, TargetTlsNegotiationErrorCount);
    let lax = "[dcv]\ntls-strict = false\n".to_owned();
    for (port, dcv, failure) in [
        (named.port(), trusting(&named), None),
        (named.port(), trusting(&misnamed), Some(tls)),
        (misnamed.port(), trusting(&misnamed), Some(tls)),
        (misnamed.port(), lax, None),
        (free_port(), trusting(&named), Some(unreachable)),
    ] {
        let resolver = Resolver::leading_to("localhost", port, "/").await;
        let gateway = gateway(resolver.port, &dcv).await;
        let opened = gateway.open("/#ann").await;
        let success = (SessionResolverSuccessCount, WebSocket, 1);
        match failure {
            None => {
                assert_eq!(opened.unwrap().server, "ws-17");
                assert_eq!(counts(&gateway), [success]);
            }
            Some(failure) => {
                let error = opened.unwrap_err();
                assert!(
                    matches!(error, OpenError::Refused { status: 502, .. }),
                    "{error}"
                );
                assert_eq!(counts(&gateway), [success, (failure, WebSocket, 1)]);
            }
        }
    }
}

#[tokio::test]
async fn servers_with_certificates_of_one_folder_share_a_ca() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("new");
    let names = ["ws-17".to_owned(), "ws-18".to_owned()];
    write_certificates(&folder, &names).unwrap();
    let ca_file = folder.join("ca.pem");
    for name in &names {
        let key = fs::metadata(folder.join(format!("{name}-key.pem"))).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
        let builder = DcvServerStandIn::builder(name).certificates(&folder);
        let server = builder.start().await.unwrap();
        server.set_sessions([DcvSession::console("ann")]).unwrap();
        assert_eq!(server.ca_file(), ca_file);
        let resolver = Resolver::leading_to("localhost", server.port(), "/").await;
        let gateway = gateway(resolver.port, &trusting(&server)).await;
        assert_eq!(&gateway.open("/#ann").await.unwrap().server, name);

        let client = HttpClient::builder(
            format!("https://localhost:{}", server.port())
                .parse()
                .unwrap(),
        );
        let client = client.tls(TlsOptions::default().ca_file(&ca_file));
        let report = client.build().unwrap().connect().await.unwrap();
        let certificate = report.tls.unwrap().certificate.unwrap();
        assert_eq!(certificate.dns_names, [name, "localhost"]);
    }
}

#[tokio::test]
async fn link_of_a_gateway_is_opened_by_its_name() {
    let server = dcv_server(|it| it).await;
    let resolver = Resolver::leading_to("localhost", server.port(), "/").await;
    let gateway = gateway(resolver.port, &trusting(&server)).await;
    let port = gateway.addresses().next().unwrap().port();
    for link in ["/#ann", "/index.html#ann", "#ann"] {
        let link = format!("https://localhost:{port}{link}");
        assert_eq!(open_link(&link).await.unwrap().server, "ws-17", "{link}");
    }
    let query = "sessionId=ann&transport=HTTP&clientIpAddress=127.0.0.1";
    assert_eq!(resolver.asked(), [query; 3]);
    let error = open_link("/#ann").await.unwrap_err();
    assert!(error.to_string().contains("has no host"), "{error}");
}

#[tokio::test]
async fn server_listens_where_it_should_and_the_address_must_be_free() {
    let port = free_port();
    let address = ([127, 0, 0, 1], port).into();
    let server = dcv_server(|it| it.listen(address)).await;
    assert_eq!(server.address(), address);
    let second = DcvServerStandIn::builder("ws-18").listen(address).start();
    let error = second.await.unwrap_err();
    assert!(error.to_string().contains("cannot listen"), "{error}");
}

#[tokio::test]
async fn id_that_is_not_behind_the_fragment_never_reaches_the_resolver() {
    let server = dcv_server(|it| it).await;
    let resolver = Resolver::leading_to("localhost", server.port(), "/").await;
    let gateway = gateway(resolver.port, &trusting(&server)).await;
    for link in ["/?sessionId=ann", "/", "/#"] {
        let (status, what) = refusal(&gateway, link).await;
        assert!(
            status == 404 && what.contains("no valid session id"),
            "{link}: {what}"
        );
    }
    assert_eq!(resolver.asked(), [""; 0]);
}

#[tokio::test]
async fn page_is_served_without_the_resolver() {
    let resolver = Resolver::start(404, "").await;
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("www");
    fs::create_dir(&web).unwrap();
    fs::write(folder.path().join("key.pem"), "tr0ub4dor").unwrap();
    write_web_client(&web).unwrap();

    let resources = format!("[web-resources]\nlocal-resources-path = {web:?}\n");
    let with = gateway(resolver.port, &resources).await;
    for path in ["/", "/index.html", "/?sessionId=ann"] {
        let (status, page) = get(&with, path).await;
        assert!(
            status == 200 && page.contains("<!doctype html>"),
            "{path}: {page}"
        );
    }
    for path in ["/../key.pem", "//../key.pem", "/missing.js"] {
        assert_eq!(get(&with, path).await.0, 404, "{path}");
    }
    let without = gateway(resolver.port, "").await;
    for path in ["/", "/?sessionId=ann"] {
        let (status, what) = get(&without, path).await;
        assert!(
            status == 404 && what.contains("[web-resources]"),
            "{path}: {what}"
        );
    }
    assert_eq!(resolver.asked(), [""; 0]);
}

#[tokio::test]
async fn server_without_the_session_refuses() {
    let server = dcv_server(|it| it).await;
    server
        .set_sessions([DcvSession::virtual_session("cad", "bob")])
        .unwrap();
    let resolver = Resolver::leading_to("localhost", server.port(), "/").await;
    let gateway = gateway(resolver.port, &trusting(&server)).await;
    let (status, what) = refusal(&gateway, "/#ann").await;
    assert!(
        status == 404 && what.contains("ws-17 has no session \"console\""),
        "{what}"
    );
}

#[tokio::test]
async fn verifier_decides_which_token_is_let_in() {
    let forms = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&forms);
    let verify = move |form: String| async move {
        let answer = if form.contains("authenticationToken=tr0ub4dor%26yes") {
            "<auth result=\"yes\"><username>DOMAIN\\ann &amp; co</username></auth>"
        } else if form.contains("authenticationToken=tr0ub4dor-no") {
            "<auth result=\"no\"><message>it has expired</message></auth>"
        } else {
            "no"
        };
        seen.lock().unwrap().push(form);
        answer
    };
    let port = serve(Router::new().route("/check", post(verify))).await;
    let verifier = format!("http://127.0.0.1:{port}/check");
    let server = dcv_server(|it| it.auth_token_verifier(&verifier)).await;
    let resolver = Resolver::leading_to("localhost", server.port(), "/").await;
    let gateway = gateway(resolver.port, &trusting(&server)).await;

    let desktop = gateway
        .open("/?authToken=tr0ub4dor%26yes#ann")
        .await
        .unwrap();
    assert_eq!(desktop.user, "DOMAIN\\ann & co");
    let form = "sessionId=console&authenticationToken=tr0ub4dor%26yes&clientAddress=127.0.0.1";
    assert_eq!(*forms.lock().unwrap(), [form]);
    for (link, refused, text) in [
        ("/?authToken=tr0ub4dor-no#ann", 403, "it has expired"),
        ("/#ann", 502, "not XML"),
    ] {
        let (status, what) = refusal(&gateway, link).await;
        assert!(status == refused && what.contains(text), "{link}: {what}");
    }
}

#[tokio::test]
async fn gateway_presents_the_certificate_of_its_configuration() {
    let resolver = Resolver::start(404, "").await;
    let folder = tempfile::tempdir().unwrap();
    let identity = rcgen::generate_simple_self_signed(["gateway.example".to_owned()]).unwrap();
    let [certificate, key] = ["gateway.pem", "key.pem"].map(|name| folder.path().join(name));
    fs::write(&certificate, identity.cert.pem()).unwrap();
    fs::write(&key, identity.signing_key.serialize_pem()).unwrap();
    let more = format!("cert-file = {certificate:?}\ncert-key-file = {key:?}\n");
    let gateway = gateway(resolver.port, &more).await;

    let client = HttpClient::builder(url(&gateway).parse().unwrap())
        .tls(TlsOptions::default().strict(false));
    let report = client.build().unwrap().connect().await.unwrap();
    let certificate = report.tls.unwrap().certificate.unwrap();
    assert_eq!(certificate.dns_names, ["gateway.example"]);
}

#[tokio::test]
async fn command_lists_the_sessions_of_the_server() {
    let server = dcv_server(|it| it).await;
    let command = server.command();
    let run = |arguments: &[&str]| {
        Command::new(command.path())
            .args(arguments)
            .output()
            .unwrap()
    };
    let list = || {
        let output = run(&["list-sessions", "--json"]);
        assert!(output.status.success());
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let listed = list();
    assert_eq!(listed[0]["id"], "console");
    assert_eq!(listed[0]["owner"], "ann");
    assert_eq!(listed[0]["type"], "console");
    assert_eq!(listed[0]["num-of-connections"], 0);

    server.set_sessions([]).unwrap();
    assert_eq!(list(), json!([]));
    command.fail("Could not connect to the DCV server").unwrap();
    let failed = run(&["list-sessions", "-j"]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(failed.stderr, b"Could not connect to the DCV server");
    command.set_output("[{").unwrap();
    assert_eq!(run(&["list-sessions", "-j"]).stdout, b"[{");
    assert_eq!(run(&["create-session", "ann"]).status.code(), Some(1));
}

#[tokio::test]
async fn command_in_a_given_folder_outlives_the_server() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("new");
    let server = dcv_server(|it| it.command_folder(&folder)).await;
    let path = folder.join("dcv");
    assert_eq!(server.command().path(), path);
    drop(server);
    let output = Command::new(path).args(["list-sessions", "-j"]).output();
    let listed: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    assert_eq!(listed[0]["id"], "console");
}
