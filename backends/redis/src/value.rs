//! The value that is stored under a session's key.
//!
//! ```text
//! dcv-session/2 1767323045000 sha256:601c…
//! {"id":"console","host":"192.0.2.7","http_port":8443,…,"expires_at_ms":null}
//! ```
//!
//! One string, so that a lookup is one `GET`. The first line holds the version of
//! the format, the expiry (`never`, or milliseconds) and the digest of the lease
//! token (`none`, or `sha256:` and 64 hexadecimal digits). The scripts compare and
//! change these without parsing JSON, whose numbers Lua would round beyond 2^53.
//! The rest is the record. Its own `expires_at_ms` is always null, since a renewal
//! would not change it.
//!
//! Version 1 has the token itself, as 32 digits. It is read, and not written.

use dcv_resolver_core::stored_form;
use dcv_resolver_core::{
    Expiry, LeaseToken, SessionId, SessionRecord, StoreError, StoreErrorKind, Timestamp,
};

use crate::error::error;
use crate::unreadable::{DecodeError, Unreadable};

/// Far above any record, and far below what would delay the server.
const MAX_BYTES: usize = 1 << 20;

const MAGIC: &str = "dcv-session/";
const VERSION: &str = "2";
/// The version that has tokens instead of digests.
const VERSION_OF_TOKENS: &str = "1";
const NEVER: &str = "never";
const NO_LEASE: &str = "none";
const DIGEST: &str = "sha256:";

/// Returns the value for `record` under the lease `token`.
pub(crate) fn encode(record: &SessionRecord, token: &LeaseToken) -> Result<String, StoreError> {
    let body = serde_json::to_string(&record.clone().with_expiry(Expiry::Never))
        .map_err(|source| error(StoreErrorKind::Other).with_source(source))?;
    let expires_at = expiry_text(record.expiry());
    let lease = digest_text(token);
    let value = format!("{MAGIC}{VERSION} {expires_at} {lease}\n{body}");
    if value.len() > MAX_BYTES {
        return Err(error(StoreErrorKind::NotWritable).with_source(format!(
            "the record takes {} bytes, and at most {MAX_BYTES} can be stored",
            value.len()
        )));
    }
    Ok(value)
}

/// Returns the digest of a token as it is written in the first line.
pub(crate) fn digest_text(token: &LeaseToken) -> String {
    let digits = token.digest().map(|byte| format!("{byte:02x}"));
    format!("{DIGEST}{}", digits.concat())
}

/// Returns an expiry as it is written in the first line.
pub(crate) fn expiry_text(expiry: Expiry) -> String {
    match expiry {
        Expiry::Never => NEVER.to_owned(),
        Expiry::At(expires_at) => expires_at.as_unix_ms().to_string(),
    }
}

/// Returns the record of `id` from `value`, which was found under `key`.
pub(crate) fn decode(key: &str, id: &SessionId, value: &[u8]) -> Result<SessionRecord, StoreError> {
    parse(id, value).map_err(|cause| Unreadable::new(key, cause).into())
}

fn parse(id: &SessionId, value: &[u8]) -> Result<SessionRecord, DecodeError> {
    if value.len() > MAX_BYTES {
        return Err(DecodeError::TooLong {
            length_bytes: value.len(),
            max_bytes: MAX_BYTES,
        });
    }
    let text = str::from_utf8(value).map_err(|_| DecodeError::NotOurs)?;
    let (version, rest) = text
        .strip_prefix(MAGIC)
        .and_then(|text| text.split_once(' '))
        .ok_or(DecodeError::NotOurs)?;
    if version != VERSION && version != VERSION_OF_TOKENS {
        let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        return Err(if is_number {
            DecodeError::Newer
        } else {
            DecodeError::NotOurs
        });
    }
    let (header, body) = rest.split_once('\n').ok_or(DecodeError::NotOurs)?;
    let (expires_at, lease) = header.split_once(' ').ok_or(DecodeError::NotOurs)?;
    let expiry = parse_expiry(expires_at).ok_or(DecodeError::NotOurs)?;
    if lease != NO_LEASE && !is_lease(version, lease) {
        return Err(DecodeError::NotOurs);
    }
    let record: SessionRecord =
        serde_json::from_str(body).map_err(|error| bad_record(body, error))?;
    if record.id() != id {
        return Err(DecodeError::OtherId);
    }
    Ok(record.with_expiry(expiry))
}

/// Returns why `body` is not a record, given the `error` of reading it as one.
fn bad_record(body: &str, error: serde_json::Error) -> DecodeError {
    match serde_json::from_str::<stored_form::Header>(body).map(stored_form::Header::check) {
        Ok(Err(newer)) => DecodeError::NewerRecord(newer),
        Ok(Ok(())) | Err(_) => DecodeError::BadRecord(error),
    }
}

/// Whether `text` is a token or a digest, as the version has it. The scripts
/// compare the text, so that digits in capitals would never equal.
fn is_lease(version: &str, text: &str) -> bool {
    let (digits, bytes) = match version {
        VERSION_OF_TOKENS => (Some(text), LeaseToken::BYTES),
        _ => (text.strip_prefix(DIGEST), LeaseToken::DIGEST_BYTES),
    };
    let is_digit = |digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    digits.is_some_and(|digits| digits.len() == 2 * bytes && digits.bytes().all(is_digit))
}

fn parse_expiry(text: &str) -> Option<Expiry> {
    if text == NEVER {
        return Some(Expiry::Never);
    }
    let expires_at_ms: i64 = text.parse().ok()?;
    // The scripts compare the text, and would misread `+7` and `007`.
    let digits = text.strip_prefix('-').unwrap_or(text);
    let has_one_form = text == "0" || !digits.starts_with(['+', '0']);
    has_one_form.then(|| Expiry::At(Timestamp::from_unix_ms(expires_at_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: LeaseToken = LeaseToken::from_bytes([0xa5; 16]);
    const KEY: &str = "dcv:session:console";

    fn record(expiry: Expiry) -> SessionRecord {
        SessionRecord::builder(id(), "192.0.2.7".parse().unwrap(), expiry)
            .http_port(8443)
            .label("note", "two\nlines \"quoted\"")
            .build()
            .unwrap()
    }

    fn id() -> SessionId {
        "console".parse().unwrap()
    }

    #[test]
    fn encoded_record_is_decoded_with_any_expiry() {
        for expiry in [i64::MIN, -1, 0, 1_767_323_045_000, i64::MAX]
            .map(|ms| Expiry::At(Timestamp::from_unix_ms(ms)))
            .into_iter()
            .chain([Expiry::Never])
        {
            let record = record(expiry);
            let value = encode(&record, &TOKEN).unwrap();
            assert_eq!(decode(KEY, &id(), value.as_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn format_is_the_documented_one() {
        let record = SessionRecord::builder(
            id(),
            "192.0.2.7".parse().unwrap(),
            Expiry::At(Timestamp::from_unix_ms(1_767_323_045_000)),
        )
        .http_port(8443)
        .build()
        .unwrap();
        let expected = concat!(
            "dcv-session/2 1767323045000 ",
            // printf a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5 | sha256sum
            "sha256:601cb12dc0b24695658c00919685d56ef5248266bd9f07de64e3ab6647f449b7\n",
            r#"{"id":"console","host":"192.0.2.7","http_port":8443,"web_url_path":"/","#,
            r#""state":"READY","expires_at_ms":null}"#,
        );
        assert_eq!(encode(&record, &TOKEN).unwrap(), expected);
    }

    #[test]
    fn record_without_lease_and_of_the_version_before_is_decoded() {
        for lease in [
            "1 never none",
            "2 never none",
            &format!("1 never {}", "a5".repeat(16)),
        ] {
            let value = format!(
                "dcv-session/{lease}\n{}",
                r#"{"id":"console","host":"h","http_port":1,"expires_at_ms":null}"#
            );
            let record = decode(KEY, &id(), value.as_bytes()).unwrap();
            assert_eq!(record.expiry(), Expiry::Never);
        }
    }

    #[test]
    fn newer_version_is_incompatible_and_other_values_are_corrupt() {
        let good = encode(&record(Expiry::Never), &TOKEN).unwrap();
        for (value, kind) in [
            (good.replace("/2 ", "/3 "), StoreErrorKind::Incompatible),
            (good.replace("/2 ", "/1 "), StoreErrorKind::CorruptRecord),
            (good.replace("sha256:", ""), StoreErrorKind::CorruptRecord),
            (
                "dcv-session/10 whatever".to_owned(),
                StoreErrorKind::Incompatible,
            ),
            (
                good.replace('{', r#"{"version":2,"#),
                StoreErrorKind::Incompatible,
            ),
            (
                "dcv-session/1 never none\n{\"version\":2,\"id\":[]}".to_owned(),
                StoreErrorKind::Incompatible,
            ),
            (
                good.replace('{', r#"{"version":0,"#),
                StoreErrorKind::CorruptRecord,
            ),
            (good.replace("/2 ", "/x "), StoreErrorKind::CorruptRecord),
            (good.replace("never", "+7"), StoreErrorKind::CorruptRecord),
            (good.replace("never", "07"), StoreErrorKind::CorruptRecord),
            (good.replace("never", "-0"), StoreErrorKind::CorruptRecord),
            (good.replace("never", "-07"), StoreErrorKind::CorruptRecord),
            (
                good.replacen(":60", ":AA", 1),
                StoreErrorKind::CorruptRecord,
            ),
            (
                good.replacen(":60", ":6060", 1),
                StoreErrorKind::CorruptRecord,
            ),
            (good.replace("never", "soon"), StoreErrorKind::CorruptRecord),
            (good.replacen(":60", ":", 1), StoreErrorKind::CorruptRecord),
            (
                good.replace("console", "other"),
                StoreErrorKind::CorruptRecord,
            ),
            (good.replace("8443", "0"), StoreErrorKind::CorruptRecord),
            (good.replace('{', ""), StoreErrorKind::CorruptRecord),
            (good.replace('\n', " "), StoreErrorKind::CorruptRecord),
            (String::new(), StoreErrorKind::CorruptRecord),
            ("hello".to_owned(), StoreErrorKind::CorruptRecord),
            (" ".repeat(MAX_BYTES + 1), StoreErrorKind::CorruptRecord),
        ] {
            let error = decode(KEY, &id(), value.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), kind, "{value:?}");
            assert!(error.chain().to_string().contains(KEY), "{}", error.chain());
        }
        assert!(decode(KEY, &id(), b"dcv-session/1 never \xff").is_err());
    }

    #[test]
    fn record_too_large_to_be_read_back_is_not_encoded() {
        let record = record(Expiry::Never)
            .to_builder()
            .label("much", "x".repeat(MAX_BYTES))
            .build()
            .unwrap();
        let error = encode(&record, &TOKEN).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotWritable);
    }
}
