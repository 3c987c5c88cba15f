//! [`Place`]: where the commands of a chapter run, and what its names are there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use dcv_resolver_tests::repository::in_repository;

use dcv_resolver_test_support::port::free_port;
use tempfile::TempDir;

/// Addresses of the guide, the longest first, and whose free port they have here.
const ADDRESSES: [(&str, &str); 8] = [
    ("gateway.example:8443", "gateway"),
    ("localhost:8443", "gateway"),
    ("127.0.0.1:8443", "gateway"),
    ("8443", "dcv-server"),
    ("8444", "dcv-server"),
    ("8447", "broker"),
    ("9000", "resolver"),
    ("9001", "operators"),
];

/// Listens on free ports where the guide relies on defaults.
const SERVE: &str = "DCV_RESOLVER_LISTEN=127.0.0.1:9000 \
    DCV_RESOLVER_OPS_LISTEN=127.0.0.1:9001 dcv-resolver serve";

/// Stands in for cargo, which has built everything before the tests: checks that
/// what it is to build exists, and runs it.
const CARGO: &str = r#"#!/usr/bin/env bash
set -euo pipefail
verb=$1 program=
shift
while (($#)); do
    case $1 in
    --path) [[ -f $2/Cargo.toml ]]; shift ;;
    --root) [[ $2 == /usr/local ]]; shift ;;
    -p) grep -qx "name = \"$2\"" */Cargo.toml */*/Cargo.toml; program=$2; shift ;;
    --bin) program=$2; shift ;;
    --example) program=examples/$2; shift ;;
    --release | --locked | --quiet) ;;
    --) shift; break ;;
    *) echo "the test knows no 'cargo $verb $1'" >&2; exit 1 ;;
    esac
    shift
done
case $verb in
run) exec "target/debug/$program" "$@" ;;
build | install | test) [[ -z $program || $program != examples/* || -x target/debug/$program ]] ;;
*) echo "the test knows no 'cargo $verb'" >&2; exit 1 ;;
esac
"#;

/// Stands in for systemctl on a gateway, which does not run: checks the service
/// and its configuration.
const SYSTEMCTL: &str = r#"#!/usr/bin/env bash
set -euo pipefail
[[ $* == "reload dcv-connection-gateway" ]]
[[ -f ROOT/etc/dcv-connection-gateway/dcv-connection-gateway.conf ]]
"#;

pub(crate) struct Place {
    folder: TempDir,
    ports: [(&'static str, u16); 5],
}

impl Place {
    pub(crate) fn new() -> Self {
        let names = ["gateway", "dcv-server", "broker", "resolver", "operators"];
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            ports: names.map(|name| (name, free_port())),
        };
        for folder in ["programs", "printed", "dcv-resolver", "etc", "var/lib"] {
            fs::create_dir_all(place.path(folder)).unwrap();
        }
        // A working copy, whose files are those of the repository.
        for entry in fs::read_dir(in_repository("")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() != "target" {
                let link = place.path("dcv-resolver").join(entry.file_name());
                symlink(fs::canonicalize(entry.path()).unwrap(), link).unwrap();
            }
        }
        fs::create_dir(place.path("dcv-resolver/target")).unwrap();
        symlink(built(), place.path("dcv-resolver/target/debug")).unwrap();
        symlink(
            built().join("dcv-resolver"),
            place.path("programs/dcv-resolver"),
        )
        .unwrap();
        let stand_ins = built().join("examples/stand_ins");
        symlink(stand_ins, place.path("programs/stand_ins")).unwrap();
        place.write_program("cargo", CARGO);
        place.write_program("systemctl", SYSTEMCTL);
        place
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write_program(&self, name: &str, script: &str) {
        let path = self.path("programs").join(name);
        let root = self.folder.path().to_str().unwrap();
        fs::write(&path, script.replace("ROOT", root)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Replaces the names, ports and folders of the guide by those of this place.
    pub(crate) fn localized(&self, text: &str) -> String {
        let mut text = text.replace("dcv-resolver serve", SERVE);
        for (address, name) in ADDRESSES {
            let host = address.strip_suffix("8443").unwrap_or_default();
            text = text.replace(address, &format!("{host}<{name}>"));
        }
        // Afterwards, since a free port may contain one of the guide.
        for (name, port) in self.ports {
            text = text.replace(&format!("<{name}>"), &port.to_string());
        }
        for name in ["gateway", "resolver", "broker", "ws-17.dcv"] {
            text = text.replace(&format!("{name}.example"), "localhost");
        }
        for folder in ["/etc/", "/var/lib/"] {
            let local = format!("{}{folder}", self.folder.path().display());
            text = text.replace(folder, &local);
        }
        text
    }
}

/// Where the programs are.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    for program in ["dcv-resolver", "examples/stand_ins"] {
        assert!(
            folder.join(program).exists(),
            "run `cargo build --workspace --bins --examples` before this test"
        );
    }
    folder.to_owned()
}
