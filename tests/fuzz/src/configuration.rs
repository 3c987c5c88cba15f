use dcv_resolver::check_configuration;

use crate::message;

/// The configuration of the ready binary: errors are lines with places in the
/// file, and a valid one is TOML.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match check_configuration("f", text) {
        Ok(()) => {
            toml::from_str::<toml::Table>(text).expect("a valid configuration is TOML");
        }
        Err(lines) => {
            assert!((1..=101).contains(&lines.len()), "{lines:?}");
            let count = text.split('\n').count();
            for line in lines {
                message::check_up_to(&line, 4096);
                let rest = line.strip_prefix("f:").expect("it starts with the file");
                let number = rest.split(':').next().unwrap_or_default();
                if let Ok(number) = number.parse::<usize>() {
                    assert!((1..=count).contains(&number), "{line}");
                }
            }
        }
    }
}
