//! [`Doctor`]: follows the path of a connection, hop by hop.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use dcv_resolver_client::BearerToken;
use dcv_resolver_core::{ResolveRequest, SessionId, Transport};
use dcv_resolver_dcv_config::GatewayConfig;
use tokio::time::timeout;

use crate::explain_request::ExplainRequest;
use crate::hop::{Hop, HopKind};
use crate::hops::answer::Answers;
use crate::hops::explanation::ExplainedBy;
use crate::hops::resolver::Connection;
use crate::hops::server_config::Expected;
use crate::hops::{answer, explanation, gateway_config, link, proxy, server, server_config};
use crate::link::Link;
use crate::proxy_settings::ProxySettings;
use crate::report::Report;
use crate::resolver_listener::ResolverListener;
use crate::time_limits::TOTAL;
use crate::url_parts::UrlParts;

/// A tool that follows the path of a connection from the client's link to the
/// DCV server, and finds the hop at which the path ends.
///
/// Every setting is optional; a hop about which nothing is known is [not
/// checked](crate::Status::NotChecked). A doctor changes nothing, and sends no
/// token except that of the operators' listener.
#[derive(Default)]
#[must_use]
pub struct Doctor {
    link: Option<String>,
    session: Option<SessionId>,
    client_ip: Option<IpAddr>,
    gateway_config: Option<PathBuf>,
    resolver_url: Option<String>,
    listener: Option<ResolverListener>,
    ops_url: Option<String>,
    ops_token: Option<BearerToken>,
    explain: Option<Arc<dyn ExplainRequest>>,
    dcv_config: Option<PathBuf>,
    proxies: ProxySettings,
}

/// The hops that are asked over the network, and those that follow from them.
const ASKED: [HopKind; 9] = [
    HopKind::ResolverName,
    HopKind::AnswerHttp,
    HopKind::AnswerQuic,
    HopKind::Explanation,
    HopKind::ServerName,
    HopKind::ServerTls,
    HopKind::ServerPage,
    HopKind::ServerWebSocket,
    HopKind::ServerConfig,
];

impl Doctor {
    /// Creates a doctor without any settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the link that the client opens. Its token is neither sent nor shown.
    pub fn link(mut self, link: impl Into<String>) -> Self {
        self.link = Some(link.into());
        self
    }

    /// Sets the session to ask for, instead of the one in the link.
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Sets the address of the client, for policies.
    pub fn client_ip(mut self, client_ip: IpAddr) -> Self {
        self.client_ip = Some(client_ip);
        self
    }

    /// Sets the gateway's configuration file.
    pub fn gateway_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.gateway_config = Some(path.into());
        self
    }

    /// Sets the URL of the resolver, instead of the one in the gateway's
    /// configuration.
    pub fn resolver_url(mut self, url: impl Into<String>) -> Self {
        self.resolver_url = Some(url.into());
        self
    }

    /// Sets where the resolver listens according to its own configuration. The
    /// doctor uses this if neither the gateway's configuration nor a URL is
    /// given.
    pub fn listener(mut self, listener: ResolverListener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Sets the URL of the resolver's operators' listener, where `/explain` is.
    /// Without a [token](Self::ops_token), it is used only on this machine.
    pub fn ops_url(mut self, url: impl Into<String>) -> Self {
        self.ops_url = Some(url.into());
        self
    }

    /// Sets the bearer token for the operators' listener. It is sent to nothing else,
    /// and only over TLS or on this machine; it is never shown.
    pub fn ops_token(mut self, token: BearerToken) -> Self {
        self.ops_token = Some(token);
        self
    }

    /// Sets what explains an answer if `/explain` cannot be used.
    pub fn explain(mut self, explain: Arc<dyn ExplainRequest>) -> Self {
        self.explain = Some(explain);
        self
    }

    /// Sets the DCV server's configuration file.
    pub fn dcv_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.dcv_config = Some(path.into());
        self
    }

    /// Sets the proxy variables.
    pub fn proxies(mut self, proxies: ProxySettings) -> Self {
        self.proxies = proxies;
        self
    }

    /// Follows the path and returns the report. Each connection may take 2 s,
    /// each response 3 s, and everything together 9 s. Hops that are left then
    /// are not checked.
    ///
    /// This function needs a tokio runtime with its timer and its I/O enabled.
    pub async fn examine(&self) -> Report {
        let mut hops = Vec::new();
        if timeout(TOTAL, self.follow(&mut hops)).await.is_err() {
            let is_left = |kind: &HopKind| hops.iter().all(|hop| hop.kind != *kind);
            let left: Vec<_> = ASKED.into_iter().filter(is_left).collect();
            hops.extend(
                left.into_iter()
                    .map(|kind| Hop::not_checked(kind, "no time was left")),
            );
        }
        Report::new(hops)
    }

    async fn follow(&self, hops: &mut Vec<Hop>) {
        let link = self.check_link(hops);
        let gateway = self.check_gateway(hops);
        let url = self.url(gateway.as_ref());
        hops.extend(proxy::check(
            &self.proxies,
            &names(link.as_ref(), url.as_deref()),
        ));
        let request = self.request(link.as_ref());
        let answers = self
            .check_resolver(url.as_deref(), gateway.as_ref(), request.as_ref(), hops)
            .await;
        hops.extend(self.check_server_config(&answers, link.as_ref()).await);
        let section = gateway.unwrap_or_default().dcv;
        let origin = link.as_ref().map(Link::origin);
        match &answers.http {
            Some(http) => {
                let quic = answers.quic.as_ref();
                server::check(http, quic, &section, origin.as_deref(), hops).await;
            }
            None => hops.push(Hop::not_checked(
                HopKind::ServerName,
                "no DCV server is known without an answer for HTTP",
            )),
        }
    }

    fn check_link(&self, hops: &mut Vec<Hop>) -> Option<Link> {
        let Some(text) = &self.link else {
            hops.push(Hop::not_checked(HopKind::Link, "give --link"));
            return None;
        };
        let (checked, link) = link::check(text, self.session.as_ref());
        hops.extend(checked);
        link
    }

    fn check_gateway(&self, hops: &mut Vec<Hop>) -> Option<GatewayConfig> {
        let Some(path) = &self.gateway_config else {
            let why = "give --gateway-config, the gateway's configuration file";
            hops.push(Hop::not_checked(HopKind::GatewayConfig, why));
            return None;
        };
        match gateway_config::load(path) {
            Ok(config) => {
                // A key that is mistyped is why another one is missing.
                let mut problems = gateway_config::check_keys(&config);
                problems.extend(gateway_config::check(&config, self.listener.as_ref()));
                if problems.is_empty() {
                    let read = path.display().to_string();
                    hops.push(Hop::ok(HopKind::GatewayConfig, read));
                }
                hops.extend(problems);
                Some(config)
            }
            Err(hop) => {
                hops.push(hop);
                None
            }
        }
    }

    /// Returns the URL at which the resolver is asked.
    fn url(&self, gateway: Option<&GatewayConfig>) -> Option<String> {
        let configured = || gateway?.resolver.as_ref()?.url.clone();
        let own = || self.listener.as_ref()?.local_url.clone();
        match gateway {
            // The gateway asks nothing else.
            Some(_) => self.resolver_url.clone().or_else(configured),
            None => self.resolver_url.clone().or_else(own),
        }
    }

    fn request(&self, link: Option<&Link>) -> Option<ResolveRequest> {
        let of_link = || link.map(|link| link.session_id.clone());
        let session = self.session.clone().or_else(of_link)?;
        let request = ResolveRequest::new(session, Transport::Http);
        Some(match self.client_ip {
            Some(client_ip) => request.with_client_ip(client_ip),
            None => request,
        })
    }

    /// Connects to the resolver, asks it, and has an answer without a destination
    /// explained.
    async fn check_resolver(
        &self,
        url: Option<&str>,
        gateway: Option<&GatewayConfig>,
        request: Option<&ResolveRequest>,
        hops: &mut Vec<Hop>,
    ) -> Answers {
        let mut answers = Answers::default();
        let is_reached = self.connect(url, gateway, hops).await;
        let Some(request) = request else {
            let why = "no session is known: give --session or --link";
            hops.push(Hop::not_checked(HopKind::AnswerHttp, why));
            return answers;
        };
        match is_reached {
            Some(connection) => {
                answers = answer::check(&connection, request).await;
                hops.append(&mut answers.hops);
            }
            None => hops.push(Hop::not_checked(
                HopKind::AnswerHttp,
                "the resolver was not reached",
            )),
        }
        if answers.http.is_some() {
            let why = "not needed, the session was found";
            hops.push(Hop::not_checked(HopKind::Explanation, why));
        } else if answers.unresolved.is_some() || url.is_none() {
            let explained_by = ExplainedBy {
                ops_url: self.ops_url.as_deref(),
                ops_token: self.ops_token.as_ref(),
                local: self.explain.as_ref(),
            };
            let answered = answers.unresolved.as_ref();
            hops.push(explanation::check(request, answered, &explained_by).await);
        }
        answers
    }

    /// Returns the connection if the resolver was reached.
    async fn connect(
        &self,
        url: Option<&str>,
        gateway: Option<&GatewayConfig>,
        hops: &mut Vec<Hop>,
    ) -> Option<Connection> {
        let Some(url) = url else {
            let why = "the resolver's URL is not known: give --gateway-config or --resolver-url";
            hops.push(Hop::not_checked(HopKind::ResolverName, why));
            return None;
        };
        let section = gateway.and_then(|gateway| gateway.resolver.as_ref());
        let connection = match Connection::new(url, section) {
            Ok(connection) => connection,
            Err(hop) => {
                hops.push(hop);
                return None;
            }
        };
        let (checked, is_reached) = connection.check(self.listener.as_ref()).await;
        hops.extend(checked);
        is_reached.then_some(connection)
    }

    async fn check_server_config(&self, answers: &Answers, link: Option<&Link>) -> Vec<Hop> {
        let Some(path) = &self.dcv_config else {
            return vec![Hop::not_checked(
                HopKind::ServerConfig,
                "give --dcv-config on the DCV server",
            )];
        };
        let expected = Expected {
            http: answers.http.as_ref(),
            quic: answers.quic.as_ref(),
            link: link.map(|link| (link.origin(), link.host().to_owned())),
        };
        server_config::check(path, &expected).await
    }
}

/// Neither the link, which may have a token, nor a URL nor a token is shown.
impl fmt::Debug for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctor")
            .field("session", &self.session)
            .field("client_ip", &self.client_ip)
            .field("gateway_config", &self.gateway_config)
            .field("dcv_config", &self.dcv_config)
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}

/// Returns the schemes and the hosts that a client or a person asks.
fn names(link: Option<&Link>, url: Option<&str>) -> Vec<(String, String)> {
    let gateway = link.map(|link| ("https".to_owned(), link.host().to_owned()));
    let resolver = url.and_then(UrlParts::parse);
    let resolver = resolver.map(|url| (url.scheme, url.host));
    gateway.into_iter().chain(resolver).collect()
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use dcv_resolver_core::{Explanation, async_trait};

    use super::*;
    use crate::hop::Status;

    #[derive(Debug)]
    struct Never;

    #[async_trait]
    impl ExplainRequest for Never {
        async fn explain(
            &self,
            _: &ResolveRequest,
        ) -> Result<Explanation, Box<dyn Error + Send + Sync>> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn hops_without_time_are_not_checked() {
        let doctor = Doctor::new().session("console".parse().unwrap());
        let report = doctor.explain(Arc::new(Never)).examine().await;
        let left = |hop: &&Hop| hop.detail == "no time was left";
        let kinds: Vec<_> = report.hops.iter().filter(left).collect();
        assert!(kinds.iter().all(|hop| hop.status == Status::NotChecked));
        let kinds: Vec<_> = kinds.iter().map(|hop| hop.kind).collect();
        let [_, _, rest @ ..] = ASKED;
        assert_eq!(kinds, rest);
    }

    #[test]
    fn secrets_are_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "tr0ub4dor").unwrap();
        let doctor = Doctor::new()
            .link("https://gw.example/?authToken=tr0ub4dor#console")
            .resolver_url("https://ann:tr0ub4dor@resolver.example")
            .ops_url("https://ann:tr0ub4dor@resolver.example")
            .ops_token(BearerToken::read(file.path()).unwrap());
        assert!(!format!("{doctor:?}").contains("tr0ub4dor"));
    }
}
