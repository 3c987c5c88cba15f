//! The query string of a resolve request: what is read, and what is refused
//! for which reason.

use dcv_resolver_core::{InvalidSessionId, SessionId, Transport};
use dcv_resolver_http::{InvalidQuery, ResolveQuery};
use proptest::prelude::*;

/// What is read: id, transport, client address, address text that is none.
type Read<'a> = (&'a str, Transport, Option<&'a str>, Option<&'a str>);

const fn http(id: &str) -> Read<'_> {
    (id, Transport::Http, None, None)
}

const fn quic(id: &str) -> Read<'_> {
    (id, Transport::Quic, None, None)
}

const fn from(client_ip: &str) -> Read<'_> {
    ("s", Transport::Http, Some(client_ip), None)
}

const fn from_unknown(text: &str) -> Read<'_> {
    ("s", Transport::Http, None, Some(text))
}

#[test]
fn each_string_is_read_as_documented() {
    let longest = "a".repeat(SessionId::MAX_BYTES);
    let longest_encoded = "%61".repeat(SessionId::MAX_BYTES);
    let many = format!("{}sessionId=s", "x=1&".repeat(10_000));
    let table: &[(&str, Read<'_>)] = &[
        // The parameters, in any order.
        ("sessionId=console", http("console")),
        ("sessionId=console&transport=HTTP", http("console")),
        ("sessionId=console&transport=QUIC", quic("console")),
        ("transport=QUIC&sessionId=console", quic("console")),
        (
            "clientIpAddress=192.0.2.7&transport=HTTP&sessionId=s",
            from("192.0.2.7"),
        ),
        // The id, to the byte.
        ("sessionId=Console", http("Console")),
        ("sessionId=%20s%20", http(" s ")),
        ("sessionId=+s+", http(" s ")),
        ("sessionId=a+b", http("a b")),
        ("sessionId=a%2Bb", http("a+b")),
        ("sessionId=a%2bb", http("a+b")),
        ("sessionId=a%25b", http("a%b")),
        ("sessionId=a%2525b", http("a%25b")),
        ("sessionId=a%26transport%3DQUIC", http("a&transport=QUIC")),
        ("sessionId=a=b", http("a=b")),
        ("sessionId==", http("=")),
        ("sessionId=a;transport=QUIC", http("a;transport=QUIC")),
        ("sessionId=a?b", http("a?b")),
        ("sessionId=a/../b", http("a/../b")),
        ("sessionId=%2e%2e%2F", http("../")),
        ("sessionId=DOMAIN%5Cuser", http(r"DOMAIN\user")),
        ("sessionId=%C3%BC", http("ü")),
        ("sessionId=u%CC%88", http("u\u{308}")),
        ("sessionId=ü", http("ü")),
        ("sessionId=%F0%9F%96%A5", http("🖥")),
        ("sessionId=%E2%80%AEexe", http("\u{202e}exe")),
        ("sessionId=%EF%BF%BD", http("\u{fffd}")),
        ("sessionId=%22%27%3C%3E", http("\"'<>")),
        (&format!("sessionId={longest}"), http(&longest)),
        (&format!("sessionId={longest_encoded}"), http(&longest)),
        // Names are compared after decoding, byte for byte.
        ("session%49d=s", http("s")),
        ("%73%65%73%73%69%6F%6E%49%64=s", http("s")),
        (
            "sessionId=s&sessionid=t&SESSIONID=u&session_id=v",
            http("s"),
        ),
        ("sessionId=s&+sessionId=t&sessionId%20=u", http("s")),
        ("sessionId=s&Transport=QUIC", http("s")),
        ("sessionId=s&sessionId[]=t", http("s")),
        // Unknown and empty parameters are ignored.
        ("sessionId=s&colour=red&colour=blue", http("s")),
        ("sessionId=s&x", http("s")),
        ("sessionId=s&=x", http("s")),
        ("&&sessionId=s&&", http("s")),
        ("sessionId=s&=", http("s")),
        ("sessionId=s&x=%00%0D%0A", http("s")),
        (&many, http("s")),
        // The client's address is taken as it comes.
        (
            "sessionId=s&clientIpAddress=2001%3Adb8%3A%3A1",
            from("2001:db8::1"),
        ),
        (
            "sessionId=s&clientIpAddress=2001:db8::1",
            from("2001:db8::1"),
        ),
        (
            "sessionId=s&clientIpAddress=%3A%3Affff%3A198.51.100.7",
            from("198.51.100.7"),
        ),
        (
            "sessionId=s&clientIpAddress=%5B%3A%3Affff%3A192.0.2.7%5D%3A80",
            from("192.0.2.7"),
        ),
        (
            "sessionId=s&clientIpAddress=%5B2001%3Adb8%3A%3A1%5D",
            from("2001:db8::1"),
        ),
        (
            "sessionId=s&clientIpAddress=fe80%3A%3A1%25eth0",
            from("fe80::1"),
        ),
        (
            "sessionId=s&clientIpAddress=192.0.2.7%3A51234",
            from("192.0.2.7"),
        ),
        (
            "sessionId=s&clientIpAddress=unknown",
            from_unknown("unknown"),
        ),
        ("sessionId=s&clientIpAddress=", from_unknown("")),
        ("sessionId=s&clientIpAddress", from_unknown("")),
        (
            "sessionId=s&clientIpAddress=192.0.2.7%2C+198.51.100.1",
            from_unknown("192.0.2.7, 198.51.100.1"),
        ),
        ("sessionId=s&clientIpAddress=%0D%0A", from_unknown("\r\n")),
        // As it is written if it cannot be decoded.
        (
            "sessionId=s&clientIpAddress=fe80::1%eth0",
            from_unknown("fe80::1%eth0"),
        ),
        (
            "sessionId=s&client%49pAddress=fe80::1%25%",
            from_unknown("fe80::1%25%"),
        ),
        (
            "clientIpAddress=192.0.2.7%&sessionId=s",
            from_unknown("192.0.2.7%"),
        ),
        ("sessionId=s&clientIpAddress=%FF", from_unknown("%FF")),
        ("sessionId=s&clientIpAddress=%C3+é%", from_unknown("%C3+é%")),
    ];
    for (raw, (id, transport, client_ip, unusable)) in table {
        let query = ResolveQuery::parse(Some(raw)).unwrap_or_else(|error| panic!("{raw}: {error}"));
        assert_eq!(query.request().session_id().as_str(), *id, "{raw}");
        assert_eq!(query.request().transport(), *transport, "{raw}");
        assert_eq!(
            query.request().client_ip(),
            client_ip.map(|address| address.parse().unwrap()),
            "{raw}"
        );
        assert_eq!(query.invalid_client_ip(), *unusable, "{raw}");
    }
}

const fn control_character(offset_bytes: usize) -> InvalidQuery {
    InvalidQuery::SessionId(InvalidSessionId::ControlCharacter { offset_bytes })
}

fn transport(given: &str) -> InvalidQuery {
    InvalidQuery::Transport {
        given: given.to_owned(),
    }
}

const fn repeated(parameter: &'static str) -> InvalidQuery {
    InvalidQuery::Repeated { parameter }
}

fn percent(parameter: &str) -> InvalidQuery {
    InvalidQuery::PercentEncoding {
        parameter: parameter.to_owned(),
    }
}

fn utf8(parameter: &str) -> InvalidQuery {
    InvalidQuery::Utf8 {
        parameter: parameter.to_owned(),
    }
}

#[test]
fn each_error_is_refused_for_its_own_reason() {
    let too_long = InvalidQuery::SessionId(InvalidSessionId::TooLong { length_bytes: 257 });
    let empty = InvalidQuery::SessionId(InvalidSessionId::Empty);
    let table: &[(&str, InvalidQuery)] = &[
        // No id.
        ("", InvalidQuery::NoSessionId),
        ("&", InvalidQuery::NoSessionId),
        ("transport=HTTP", InvalidQuery::NoSessionId),
        ("sessionid=s", InvalidQuery::NoSessionId),
        ("?sessionId=s", InvalidQuery::NoSessionId),
        ("x;sessionId=s", InvalidQuery::NoSessionId),
        // An id that is none.
        ("sessionId=", empty.clone()),
        ("sessionId", empty.clone()),
        ("sessionId&transport=HTTP", empty),
        (&format!("sessionId={}", "a".repeat(257)), too_long.clone()),
        (&format!("sessionId={}%C3%BC", "a".repeat(255)), too_long),
        ("sessionId=%00", control_character(0)),
        ("sessionId=a%00", control_character(1)),
        ("sessionId=a%0d%0ab", control_character(1)),
        ("sessionId=a%09", control_character(1)),
        ("sessionId=%1b%5B31m", control_character(0)),
        ("sessionId=a%7F", control_character(1)),
        ("sessionId=a%C2%85", control_character(1)),
        // A transport that is none.
        ("sessionId=s&transport=", transport("")),
        ("sessionId=s&transport", transport("")),
        ("sessionId=s&transport=http", transport("http")),
        ("sessionId=s&transport=Quic", transport("Quic")),
        ("sessionId=s&transport=WEBSOCKET", transport("WEBSOCKET")),
        ("sessionId=s&transport=HTTP+", transport("HTTP ")),
        ("sessionId=s&transport=HTTP%2CQUIC", transport("HTTP,QUIC")),
        ("sessionId=s&transport=HTTP%00", transport("HTTP\0")),
        // A parameter twice, even with the same value or in another spelling.
        ("sessionId=s&sessionId=t", repeated("sessionId")),
        ("sessionId=s&sessionId=s", repeated("sessionId")),
        ("sessionId=s&session%49d=s", repeated("sessionId")),
        ("sessionId=s&sessionId", repeated("sessionId")),
        (
            "sessionId=s&transport=HTTP&transport=QUIC",
            repeated("transport"),
        ),
        ("transport=HTTP&transport=HTTP", repeated("transport")),
        (
            "sessionId=s&clientIpAddress=192.0.2.7&clientIpAddress=192.0.2.7",
            repeated("clientIpAddress"),
        ),
        (
            "sessionId=s&clientIpAddress=&clientIpAddress=",
            repeated("clientIpAddress"),
        ),
        (
            "sessionId=s&clientIpAddress=%eth0&clientIpAddress=%eth0",
            repeated("clientIpAddress"),
        ),
        // Percent-encoding that is none, wherever it stands.
        ("sessionId=%zz", percent("sessionId")),
        ("sessionId=%", percent("sessionId")),
        ("sessionId=%4", percent("sessionId")),
        ("sessionId=a%4&transport=HTTP", percent("sessionId")),
        ("sessionId=%%41", percent("sessionId")),
        ("sessionId=%+1", percent("sessionId")),
        ("sessionId=%-1", percent("sessionId")),
        ("sessionId=%0x", percent("sessionId")),
        ("sessionId=%u0041", percent("sessionId")),
        ("sessionId=%é", percent("sessionId")),
        ("sessionId=s&transport=%GG", percent("transport")),
        ("sessionId=s&colour=%zz", percent("colour")),
        ("sessionId=s&%zz=red", percent("%zz")),
        ("sessionId=s&%zz", percent("%zz")),
        // Bytes that are no UTF-8: stray, overlong, a surrogate, too high, cut.
        ("sessionId=%ff", utf8("sessionId")),
        ("sessionId=%FE", utf8("sessionId")),
        ("sessionId=a%80b", utf8("sessionId")),
        ("sessionId=%C0%AF", utf8("sessionId")),
        ("sessionId=%E0%80%AF", utf8("sessionId")),
        ("sessionId=%ED%A0%80", utf8("sessionId")),
        ("sessionId=%F4%90%80%80", utf8("sessionId")),
        ("sessionId=%C3", utf8("sessionId")),
        ("sessionId=%C3&x=%BC", utf8("sessionId")),
        ("sessionId=%C3+%BC", utf8("sessionId")),
        ("sessionId=s&transport=%FF", utf8("transport")),
        ("sessionId=s&colour=%FF", utf8("colour")),
        ("sessionId=s&%FF=red", utf8("%FF")),
        // The name has to be decoded in any case.
        (
            "sessionId=s&clientIpAddress%=192.0.2.7",
            percent("clientIpAddress%"),
        ),
        (
            "sessionId=s&clientipaddress=%eth0",
            percent("clientipaddress"),
        ),
    ];
    for (raw, error) in table {
        assert_eq!(ResolveQuery::parse(Some(raw)), Err(error.clone()), "{raw}");
    }
    assert_eq!(ResolveQuery::parse(None), Err(InvalidQuery::NoSessionId));
}

#[test]
fn first_error_from_the_left_is_reported() {
    for (raw, parameter) in [
        ("transport=x&sessionId=", "transport"),
        ("sessionId=&transport=x", "sessionId"),
        ("transport=x", "transport"),
        ("colour=%zz&sessionId=&transport=x", "colour"),
        ("sessionId=s&colour=%zz&sessionId=t", "colour"),
        ("sessionId=s&sessionId=t&colour=%zz", "sessionId"),
    ] {
        assert_eq!(
            ResolveQuery::parse(Some(raw)).unwrap_err().parameter(),
            parameter,
            "{raw}"
        );
    }
    // Within a pair: the name, the value's encoding, the repetition, the value.
    for (raw, error) in [
        ("%zz=%ff", percent("%zz")),
        ("sessionId=s&sessionId=%ff", utf8("sessionId")),
        ("sessionId=s&sessionId=", repeated("sessionId")),
    ] {
        assert_eq!(ResolveQuery::parse(Some(raw)), Err(error), "{raw}");
    }
}

#[test]
fn errors_say_what_was_expected_and_quote_little() {
    let sentence = |raw: &str| ResolveQuery::parse(Some(raw)).unwrap_err().to_string();
    for (raw, expected) in [
        ("", "sessionId is missing; it names the session to resolve"),
        (
            "sessionId=",
            "sessionId is not valid: a session id must not be empty",
        ),
        (
            "sessionId=s&transport=ht%0A%E2%80%AE%1Bp",
            r#"transport must be HTTP or QUIC in capitals, or left out for HTTP; it is "ht\n\u{202e}\u{1b}p""#,
        ),
        (
            "sessionId=s&sessionId=s",
            "sessionId is given more than once; it must be given once",
        ),
        (
            "sessionId=%zz",
            r#"the parameter "sessionId" is not percent-encoded correctly: two hexadecimal digits must follow each %"#,
        ),
        (
            "sessionId=%ff",
            r#"the parameter "sessionId" is not valid UTF-8 after percent-decoding"#,
        ),
    ] {
        assert_eq!(sentence(raw), expected);
    }
    let long = "x".repeat(5_000);
    assert!(sentence(&format!("sessionId=s&transport={long}")).len() < 200);
    assert!(sentence(&format!("sessionId=s&{long}=%")).len() < 200);
}

/// One of the ways to write `bytes`: `choices` picks one for each byte.
fn encode(bytes: &[u8], choices: &[u8]) -> String {
    let mut encoded = String::new();
    for (byte, choice) in bytes.iter().zip(choices.iter().cycle()) {
        match (byte, choice % 3) {
            (b' ', 0) => encoded.push('+'),
            (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~', 0) => {
                encoded.push(char::from(*byte));
            }
            (_, 1) => encoded.push_str(&format!("%{byte:02x}")),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Bytes as a hostile client may pick them: many are no UTF-8.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        proptest::collection::vec(
            prop_oneof![0xC0_u8..=0xFF, 0x80_u8..=0xBF, b' '..=b'~'],
            0..8
        ),
        any::<String>().prop_map(String::into_bytes),
    ]
}

fn any_choices() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..20)
}

proptest! {
    /// An id is the bytes that were sent or it is refused. So two different
    /// byte strings never become one id.
    #[test]
    fn an_id_is_the_bytes_that_were_sent(bytes in any_bytes(), choices in any_choices()) {
        let raw = format!("sessionId={}", encode(&bytes, &choices));
        let is_id = std::str::from_utf8(&bytes).is_ok_and(|text| SessionId::new(text).is_ok());
        match ResolveQuery::parse(Some(&raw)) {
            Ok(query) => {
                prop_assert!(is_id, "{}", raw);
                prop_assert_eq!(query.request().session_id().as_str().as_bytes(), &bytes[..]);
            }
            Err(error) => {
                prop_assert!(!is_id, "{}: {}", raw, error);
                prop_assert_eq!(error.parameter(), "sessionId");
            }
        }
    }

    #[test]
    fn one_id_written_in_two_ways_is_one_id(id in "\\PC{1,60}", a in any_choices(), b in any_choices()) {
        let [a, b] = [a, b].map(|choices| format!("sessionId={}", encode(id.as_bytes(), &choices)));
        prop_assert_eq!(ResolveQuery::parse(Some(&a)), ResolveQuery::parse(Some(&b)));
    }

    #[test]
    fn no_string_panics(raw in any::<String>()) {
        let _ = ResolveQuery::parse(Some(&raw));
    }

    /// Strings made of the pieces that matter. Whatever is refused is refused
    /// in one bounded line that shows nothing invisible.
    #[test]
    fn no_string_of_query_pieces_panics(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("sessionId".to_owned()), Just("transport".to_owned()), Just("clientIpAddress".to_owned()),
                Just("HTTP".to_owned()), Just("QUIC".to_owned()), Just("192.0.2.7".to_owned()),
                Just("&".to_owned()), Just("=".to_owned()), Just("%".to_owned()), Just("+".to_owned()),
                Just("%0".to_owned()), Just("%0A".to_owned()), Just("%ff".to_owned()), Just("%1b".to_owned()),
                Just("[".to_owned()), Just("]".to_owned()), Just(":".to_owned()), Just("\u{202e}".to_owned()),
                any::<char>().prop_map(String::from),
            ],
            0..24,
        ),
    ) {
        let raw = pieces.concat();
        if let Err(error) = ResolveQuery::parse(Some(&raw)) {
            let sentence = error.to_string();
            prop_assert!(sentence.len() < 200, "{}", sentence);
            prop_assert!(!sentence.contains(|c: char| c.is_control() || c == '\u{202e}'), "{:?}", sentence);
        }
    }
}
