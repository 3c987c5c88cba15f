use dcv_resolver_static_file::Format;

use crate::session_file;

/// A session file in TOML: what holds for any session file, and a valid one is
/// TOML for the usual reader as well.
pub fn session_toml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(sessions) = session_file::check(text, Format::Toml) else {
        return;
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table: toml::Table = toml::from_str(text).expect("a valid session file is TOML");
    let tables = table.get("sessions").and_then(toml::Value::as_table);
    assert_eq!(tables.map_or(0, toml::Table::len), sessions.len());
    for session in &sessions {
        let fields = &table["sessions"][session.id().as_str()];
        let host = fields["host"].as_str().map(str::parse);
        assert_eq!(host, Some(Ok(session.host().clone())));
    }
}
