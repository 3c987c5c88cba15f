//! Requests to the admin API, on one connection.

use std::net::SocketAddr;

use dcv_resolver_core::{SessionId, SessionRecord, async_trait};

use super::caller::{Caller, PAGE, in_an_hour};
use crate::admin_request;
use crate::connection::Connection;
use crate::failure::{Failure, Result, While};

pub(super) struct AdminApi {
    connection: Connection,
    page: Option<String>,
}

impl AdminApi {
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(address)?,
            page: None,
        })
    }

    /// Waits for the answer on the thread of all tasks: none of them has
    /// anything to do meanwhile.
    fn ask(&mut self, request: &[u8], status: &str) -> Result<&[u8]> {
        let answer = self.connection.ask(request);
        let answer = answer.while_doing("the admin API does not answer")?;
        if answer.status() == status.as_bytes() {
            return Ok(answer.body());
        }
        let answer = answer.text();
        Err(Failure::new(format!("expected {status}, found {answer:?}")))
    }
}

#[async_trait]
impl Caller for AdminApi {
    /// Connects again: a server closes connections that are idle for as long as
    /// the turns of the others may take.
    fn begin(&mut self) -> Result {
        self.connection.reopen()
    }

    async fn register(&mut self, record: &SessionRecord) -> Result {
        let request = admin_request::register(record.id(), record.host());
        self.ask(&request, "200").map(drop)
    }

    async fn renew(&mut self, id: &SessionId) -> Result {
        let request = admin_request::renew(id, in_an_hour().as_unix_ms());
        self.ask(&request, "200").map(drop)
    }

    async fn deregister(&mut self, id: &SessionId) -> Result {
        let request = admin_request::deregister(id);
        self.ask(&request, "204").map(drop)
    }

    async fn list(&mut self) -> Result {
        let request = admin_request::list(PAGE, self.page.as_deref());
        let next = admin_request::next_page(self.ask(&request, "200")?);
        self.page = next;
        Ok(())
    }

    fn is_bulk(&self) -> bool {
        false
    }

    async fn import(&mut self, _: &[SessionRecord]) -> Result {
        Err(Failure::new("the admin API does not import"))
    }

    async fn sweep(&mut self) -> Result<u64> {
        Err(Failure::new("the admin API does not sweep"))
    }
}
