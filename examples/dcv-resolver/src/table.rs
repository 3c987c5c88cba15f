//! Prints sessions as a table.

use dcv_resolver_core::{Clock, Expiry, SessionRecord, SystemClock, Timestamp, Transport};

use crate::failure::Failure;
use crate::output::line;

const TITLES: [&str; 8] = [
    "SESSION",
    "ON SERVER",
    "HOST",
    "HTTP",
    "QUIC",
    "PATH",
    "STATE",
    "EXPIRES",
];

/// Prints `records`, one line each, with aligned columns.
pub(crate) fn print(records: &[SessionRecord]) -> Result<(), Failure> {
    let now = SystemClock.now();
    let rows: Vec<_> = records.iter().map(|record| row(record, now)).collect();
    let mut widths = TITLES.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(aligned(&TITLES.map(str::to_owned), &widths))?;
    rows.iter().try_for_each(|row| line(aligned(row, &widths)))
}

fn row(record: &SessionRecord, now: Timestamp) -> [String; 8] {
    let port = |transport| {
        record
            .port(transport)
            .map_or_else(|| "-".to_owned(), |port| port.to_string())
    };
    [
        shown(record.id().as_str()),
        shown(record.target_id().as_str()),
        record.host().to_string(),
        port(Transport::Http),
        port(Transport::Quic),
        record.web_url_path().to_string(),
        record.state().to_string(),
        match record.expiry() {
            Expiry::Never => "never".to_owned(),
            Expiry::At(expires_at) if record.is_live(now) => expires_at.to_string(),
            Expiry::At(expires_at) => format!("{expires_at} (expired)"),
        },
    ]
}

/// Escapes characters that a terminal does not show or would interpret.
fn shown(id: &str) -> String {
    let mut shown = String::with_capacity(id.len());
    for character in id.chars() {
        match character {
            '"' | '\'' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

fn aligned(cells: &[String; 8], widths: &[usize; 8]) -> String {
    let padded = cells
        .iter()
        .zip(widths)
        .map(|(cell, &width)| format!("{cell:width$}"));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}
