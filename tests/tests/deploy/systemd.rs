//! `systemd/`: the unit, its socket and its user.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use toml::Table;

use crate::{deployed, time_to_stop};

const UNITS: [&str; 3] = [
    "dcv-resolver.service",
    "dcv-resolver.socket",
    "dcv-resolver-agent.service",
];

const SERVICES: [&str; 2] = ["dcv-resolver.service", "dcv-resolver-agent.service"];

/// What `systemd-analyze` calls OK ends at 50, on a scale to 100; what it says
/// of the unit as it is must not be lost unseen.
const MAX_EXPOSURE: &str = "--threshold=20";

/// The last value of `key` in a unit.
fn value(unit: &str, key: &str) -> String {
    let text = deployed(&format!("systemd/{unit}"));
    let mut values = text.lines().filter_map(|line| line.split_once('='));
    let (_, value) = values.rfind(|(name, _)| *name == key).unwrap();
    value.to_owned()
}

/// Runs `systemd-analyze` in a folder with the units. Their program is not
/// installed, so that another stands in its place.
fn analyze(arguments: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    for unit in UNITS {
        let text = deployed(&format!("systemd/{unit}"));
        let text = text.replace("/usr/local/bin/dcv-resolver", "/bin/true");
        fs::write(folder.path().join(unit), text).unwrap();
    }
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

/// A key that it does not know is only printed, with an exit code of 0.
#[test]
#[ignore = "needs systemd-analyze"]
fn systemd_finds_nothing_to_say_about_the_units() {
    let units = UNITS.map(|unit| format!("./{unit}"));
    let units = units.iter().map(String::as_str);
    let arguments: Vec<_> = ["verify", "--man=no"].into_iter().chain(units).collect();
    assert_eq!(analyze(&arguments), "");
}

#[test]
#[ignore = "needs systemd-analyze"]
fn the_services_are_confined() {
    for service in SERVICES {
        let service = format!("./{service}");
        analyze(&[
            "security",
            "--offline=true",
            "--no-pager",
            MAX_EXPOSURE,
            &service,
        ]);
    }
}

#[test]
fn the_service_is_given_the_time_that_a_shutdown_takes() {
    let config: Table = deployed("systemd/dcv-resolver.toml").parse().unwrap();
    let seconds = value("dcv-resolver.service", "TimeoutStopSec");
    let given = Duration::from_secs(seconds.parse().unwrap());
    assert!(given > time_to_stop(&config), "{given:?}");
}

#[test]
fn every_connection_that_is_allowed_has_a_file_descriptor() {
    let config: Table = deployed("systemd/dcv-resolver.toml").parse().unwrap();
    let connections = config["limits"]["max_connections"].as_integer().unwrap();
    let limit: i64 = value("dcv-resolver.service", "LimitNOFILE")
        .parse()
        .unwrap();
    // The operators' listener accepts 4096, and stores and files need some.
    assert!(limit >= connections + 4096 + 256, "{limit}");
}

#[test]
fn secrets_are_in_no_core_dump() {
    for service in SERVICES {
        assert_eq!(value(service, "LimitCORE"), "0", "{service}");
    }
}

#[test]
fn the_socket_is_where_the_configuration_listens() {
    let config: Table = deployed("systemd/dcv-resolver.toml").parse().unwrap();
    let listen = config["listen"].as_str().unwrap();
    assert_eq!(value("dcv-resolver.socket", "ListenStream"), listen);
}

/// Without it, a restarted agent does not own its sessions.
#[test]
fn the_agent_has_a_folder_for_its_lease_token() {
    let folder = value("dcv-resolver-agent.service", "StateDirectory");
    assert_eq!(folder, "dcv-resolver-agent");
}

#[test]
fn the_user_of_the_service_is_made() {
    let user = value("dcv-resolver.service", "User");
    let made = deployed("systemd/dcv-resolver.sysusers");
    assert!(made.contains(&format!("\nu {user} ")), "{made}");
}
