//! The stand-ins as programs, for containers and for resolvers in any language.
//! `examples/deploy/compose` runs them.
//!
//! ```text
//! stand_ins certificates /certificates gateway resolver ws-17
//! stand_ins dcv-server ws-17 --listen 0.0.0.0:8443 --certificates /certificates \
//!     --command-folder /var/lib/dcv --session console=ann
//! stand_ins gateway dcv-connection-gateway.conf
//! stand_ins open 'https://localhost:8443/#console'
//! ```

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it is a program")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};
use dcv_resolver_testkit::{
    DcvServerStandIn, DcvSession, GatewayConfig, GatewayStandIn, open_link, write_certificates,
};
use tokio::signal::unix::{SignalKind, signal};

/// Stand-ins for the DCV Connection Gateway and DCV servers.
#[derive(Debug, Parser)]
enum Command {
    /// Writes certificates of one CA for servers and clients with these names,
    /// unless the folder has some.
    Certificates { folder: PathBuf, names: Vec<String> },
    /// Runs a gateway with the configuration file of a real one.
    Gateway { config: PathBuf },
    /// Runs a DCV server, until SIGTERM or SIGINT.
    DcvServer(DcvServer),
    /// Opens a link as the web client does, and prints which desktop it leads to.
    Open { link: String },
}

#[derive(Debug, Args)]
struct DcvServer {
    /// Its name, which is also that of its certificate.
    name: String,

    /// Listens on this address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,

    /// The folder that `certificates` has written.
    #[arg(long, value_name = "FOLDER")]
    certificates: PathBuf,

    /// Writes the command `dcv` to this folder, for an agent.
    #[arg(long, value_name = "FOLDER")]
    command_folder: Option<PathBuf>,

    /// Runs this session; may be given several times.
    #[arg(long = "session", value_name = "ID=OWNER", value_parser = session)]
    sessions: Vec<DcvSession>,
}

fn session(text: &str) -> Result<DcvSession, &'static str> {
    match text.split_once('=') {
        Some(("console", owner)) => Ok(DcvSession::console(owner)),
        Some((id, owner)) => Ok(DcvSession::virtual_session(id, owner)),
        None => Err("expected ID=OWNER"),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Command::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stand_ins: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Certificates { folder, names } => {
            // What runs already has certificates of the CA that is there.
            if !folder.join("ca.pem").exists() {
                write_certificates(folder, &names)?;
            }
        }
        Command::Gateway { config } => {
            let gateway = GatewayStandIn::start(&GatewayConfig::read(config)?).await?;
            for address in gateway.addresses() {
                println!("the gateway listens on {address}");
            }
            stopped().await?;
        }
        Command::DcvServer(options) => run_dcv_server(options).await?,
        Command::Open { link } => {
            let desktop = open_link(&link).await?;
            let (server, session, user) = (desktop.server, desktop.session, desktop.user);
            println!("the session {session} of {user} on the DCV server {server}");
        }
    }
    Ok(())
}

async fn run_dcv_server(options: DcvServer) -> Result<(), Box<dyn Error>> {
    let mut server = DcvServerStandIn::builder(&options.name)
        .listen(options.listen)
        .certificates(options.certificates);
    if let Some(folder) = options.command_folder {
        server = server.command_folder(folder);
    }
    let server = server.start().await?;
    server.set_sessions(options.sessions)?;
    println!(
        "the DCV server {} listens on {}",
        options.name,
        server.address()
    );
    stopped().await?;
    // The command of a server that does not run fails as well.
    server.command().fail("the DCV server does not run\n")?;
    Ok(())
}

/// Waits until the process is to end. As the first process of a container, it is
/// not ended by a signal that it does not handle.
async fn stopped() -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}
