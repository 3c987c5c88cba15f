use dcv_resolver_agent::{DcvConfig, InvalidDcvConfig};
use dcv_resolver_doctor::{DcvConf, DcvConfError};

use crate::message;

/// The configuration of a DCV server: the last value of each key is the one that is
/// read, and an error names the line at fault.
pub fn dcv_conf(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    settings(text);
    listeners(text);
}

fn settings(text: &str) {
    let lines: Vec<_> = text.lines().collect();
    let is_setting = |line: &str| line.contains('=');
    match DcvConf::parse(text) {
        Ok(conf) => {
            let plain = lines.iter().rev().find_map(|line| line.split_once('='));
            let Some((key, value)) = plain else { return };
            let (key, value) = (key.trim(), value.trim());
            let is_plain = !key.starts_with(['#', ';', '[', '\u{feff}']);
            let is_unquoted = !value.starts_with(['"', '\'']);
            if is_plain && is_unquoted {
                // The last setting of the file counts, in the last section above it.
                let of_section = |line: &&str| {
                    let line = line.trim_start_matches('\u{feff}').trim();
                    let name = line.strip_prefix('[')?.strip_suffix(']')?;
                    Some(name.trim().to_owned())
                };
                let at = lines.iter().rposition(|line| is_setting(line)).unwrap();
                let section = lines[..at].iter().rev().find_map(of_section);
                let found = conf.get(&section.unwrap_or_default(), key);
                assert_eq!(found, Some(value));
            }
        }
        Err(DcvConfError::Line(number)) => {
            let line = lines[number - 1].trim();
            assert!(!is_setting(line) && !line.is_empty() && !line.starts_with(['#', ';']));
        }
        Err(other) => panic!("{other}"),
    }
}

fn listeners(text: &str) {
    match DcvConfig::parse(text) {
        Ok(config) => {
            assert_ne!(config.http_port, 0);
            assert_ne!(config.quic_port, Some(0));
            // Keys of other sections do not matter.
            let more = format!("{text}\n[log]\nweb-port=1\nenable-quic-frontend=1\n");
            assert_eq!(DcvConfig::parse(&more).unwrap(), config);
        }
        Err(error) => {
            message::check(&error.to_string());
            let InvalidDcvConfig::Value { line, key, .. } = error else {
                panic!("{error}");
            };
            assert!(text.lines().nth(line - 1).unwrap().contains(key));
        }
    }
}
