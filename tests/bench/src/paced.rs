//! Gateways that ask at set times.

use crate::connection::Connection;
use crate::context::Context;
use crate::failure::Result;
use crate::process;
use crate::request::Request;
use crate::set_times::{self, Answered, Client};
use crate::target::Target;

/// Far from what a server could answer, as a resolver is asked.
pub(crate) const PER_S: u32 = 2_000;
/// A server may stand still for the 32 ms in which each of them has its turn
/// before one is late for the next.
pub(crate) const CONNECTIONS: u32 = 64;

#[derive(Debug, clap::Args)]
pub(crate) struct Paced {
    target: Target,
}

/// Asks `target` while `work` is done.
pub(crate) fn during<T>(
    context: &Context,
    target: &Target,
    work: impl FnOnce() -> Result<T>,
) -> Result<(Answered, T)> {
    let mut command = process::on_core(context.settings.load_core, &context.this_program);
    command.arg("paced").arg(target.to_string());
    let (output, done) = process::during(&mut command, work)?;
    Ok((output.parse()?, done))
}

/// Asks until standard input is closed.
pub(crate) fn run(Paced { target }: &Paced) -> Result {
    let gateways = (0..CONNECTIONS).map(|number| {
        Ok(Gateway {
            target: target.clone(),
            connection: Connection::open(target.address)?,
            request: Request::new(number as usize),
        })
    });
    let mut gateways: Vec<_> = gateways.collect::<Result<_>>()?;
    println!("{}", set_times::ask_in_turn(&mut gateways, PER_S)?);
    Ok(())
}

/// One connection.
#[derive(Debug)]
struct Gateway {
    target: Target,
    connection: Connection,
    request: Request,
}

impl Client for Gateway {
    fn ask(&mut self) -> Result<bool> {
        self.request.set_any(self.target.sessions);
        match self.connection.ask(self.request.bytes()) {
            Ok(answer) if answer.is_right(self.target.kind, self.request.id()) => Ok(true),
            _ => {
                self.connection.reopen()?;
                Ok(false)
            }
        }
    }
}
