//! Reloads of the session file and of the configuration.

use std::fs;
use std::time::Duration;

use crate::control::Control;
use crate::options::Options;
use crate::resolver::Resolver;
use crate::sessions;
use crate::tally::Tally;

pub(crate) fn run(options: &Options, resolver: &Resolver, control: &Control, tally: &Tally) {
    let path = resolver.session_file();
    let new = path.with_extension("new");
    for version in 1.. {
        if !control.wait(Duration::from_secs(options.reload_seconds)) {
            return;
        }
        let written =
            fs::write(&new, sessions::file("file", version)).and_then(|()| fs::rename(&new, &path));
        match written {
            Ok(()) => tally.count("reloads of the session file"),
            Err(error) => tally.violation("session file", error.to_string()),
        }
        if !resolver.signal("HUP") {
            tally.violation("SIGHUP", "cannot be sent");
        }
        tally.count("reloads of the configuration");
    }
}
