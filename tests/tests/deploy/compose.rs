//! `compose/`: the files fit together, and what the services run leads from a
//! link to its desktop.

mod file;
mod processes;

use std::time::Duration;

use toml::Table;

use self::file::{Compose, Service};
use crate::containerfile::Containerfile;
use crate::{deployed, in_repository, time_to_stop};

fn config(path: &str) -> Table {
    deployed(&format!("compose/{path}")).parse().unwrap()
}

fn gateway() -> Table {
    config("gateway/dcv-connection-gateway.conf")
}

fn resolver() -> Table {
    config("resolver/dcv-resolver.toml")
}

#[test]
fn every_image_has_a_version_and_every_service_is_confined() {
    let built = Containerfile::read("compose/Containerfile");
    for (name, service) in Compose::read().services {
        let (_, version) = service.image.rsplit_once(':').unwrap();
        assert_ne!(version, "latest", "{name}");
        if service.build.is_some() {
            assert_eq!(version, env!("CARGO_PKG_VERSION"), "{name}");
        }
        let user = service.user.as_deref().unwrap_or_else(|| built.user());
        assert!(user.split(':').all(|id| id.parse::<u32>().unwrap() > 0));
        assert!(service.read_only, "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges"], "{name}");
    }
}

#[test]
fn everything_that_is_built_mounted_and_waited_for_is_there() {
    let folder = in_repository("examples/deploy/compose");
    let compose = Compose::read();
    for (name, service) in &compose.services {
        if let Some(build) = &service.build {
            let context = folder.join(&build.context);
            assert!(context.join(&build.dockerfile).is_file(), "{name}");
            assert!(context.join("Cargo.lock").is_file(), "{name}");
        }
        for mount in service.mounts() {
            match mount.source.strip_prefix("./") {
                Some(source) => assert!(folder.join(source).is_dir(), "{name}: {source}"),
                None => assert!(compose.volumes.contains_key(mount.source), "{name}"),
            }
        }
        for dependency in service.depends_on.keys() {
            assert!(compose.services.contains_key(dependency), "{name}");
        }
    }
}

#[test]
fn names_and_ports_are_those_of_the_services() {
    let compose = Compose::read();
    let port = |service: &str| compose.services[service].value("--listen").rsplit_once(':');
    let (gateway, resolver) = (gateway(), resolver());
    let listen = resolver["listen"].as_str().unwrap();
    let (_, resolver_port) = listen.rsplit_once(':').unwrap();
    let url = gateway["resolver"]["url"].as_str().unwrap();
    assert_eq!(url, format!("https://resolver:{resolver_port}"));

    let listen = gateway["gateway"]["web-listen-endpoints"][0].as_str();
    let (_, gateway_port) = listen.unwrap().rsplit_once(':').unwrap();
    let published = format!("127.0.0.1:{gateway_port}:{gateway_port}");
    assert_eq!(compose.services["gateway"].ports, [published]);

    // Where sessions lead.
    let sessions = config("resolver/sessions.toml");
    for session in sessions["sessions"].as_table().unwrap().values() {
        let http_port = session["http_port"].to_string();
        let server = session["host"].as_str().unwrap();
        assert_eq!(port(server), Some(("0.0.0.0", &*http_port)));
    }
    let agents = |service: &&Service| service.command[..2] == ["dcv-resolver", "agent"];
    let mut count = 0;
    for agent in compose.services.values().filter(agents) {
        let server = &compose.services[agent.value("--host")];
        assert_eq!(server.command[..2], ["stand_ins", "dcv-server"]);
        let http_port = agent.value("--http-port");
        assert_eq!(server.value("--listen"), format!("0.0.0.0:{http_port}"));
        assert_eq!(server.volumes[0], agent.volumes[0], "the command is there");
        assert_eq!(agent.value("--store"), "redis://redis");
        count += 1;
    }
    assert_eq!(count, 2);
    assert_eq!(resolver["stores"][1]["url"].as_str(), Some("redis://redis"));
    assert!(compose.services.contains_key("redis"));

    let certificates = &compose.services["certificates"].command;
    assert_eq!(certificates[3..], ["gateway", "resolver", "ws-17", "ws-18"]);
}

#[test]
fn gateway_serves_the_web_client_of_the_image() {
    let containerfile = Containerfile::read("compose/Containerfile");
    let path = gateway()["web-resources"]["local-resources-path"].clone();
    let copied = format!("tests/testkit/web {}", path.as_str().unwrap());
    assert!(containerfile.image().all("COPY").any(|it| it == copied));
    assert!(in_repository("tests/testkit/web/index.html").is_file());
}

/// Without `stop_grace_period`.
#[test]
fn resolver_is_given_the_time_that_a_shutdown_takes() {
    assert!(time_to_stop(&resolver()) < Duration::from_secs(10));
}
