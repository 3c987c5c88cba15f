//! [`Answer`]: what a server says to one request.

use crate::floor;
use crate::target::Kind;

/// An answer, as far as it has come.
#[derive(Debug)]
pub(crate) struct Answer {
    buffer: Vec<u8>,
    filled: usize,
}

impl Answer {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; 4096],
            filled: 0,
        }
    }

    /// The next one is read into the same place.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Where to read to.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// So much was read. Whether the answer is whole; an error where no more
    /// can come.
    pub(crate) fn add(&mut self, read: usize) -> Result<bool, &'static str> {
        self.filled += read;
        match whole_length(self.bytes()) {
            Some((_, length)) if length < self.filled => Err("more than one answer has come"),
            Some((_, length)) if length == self.filled => Ok(true),
            _ if read == 0 => Err("the connection was closed before the answer was whole"),
            _ => Ok(false),
        }
    }

    /// Whether it is a 200 that names the session that was asked for.
    pub(crate) fn is_right(&self, kind: Kind, id: &[u8]) -> bool {
        let expected = match kind {
            Kind::Floor => floor::ID.as_bytes(),
            Kind::Http | Kind::Https => id,
        };
        let named = self
            .body()
            .strip_prefix(br#"{"SessionId":""#)
            .and_then(|rest| rest.get(..expected.len()));
        self.bytes().starts_with(b"HTTP/1.1 200") && named == Some(expected)
    }

    /// The status, as the first line has it.
    pub(crate) fn status(&self) -> &[u8] {
        let status = self.bytes().strip_prefix(b"HTTP/1.1 ");
        status.and_then(|rest| rest.get(..3)).unwrap_or_default()
    }

    pub(crate) fn body(&self) -> &[u8] {
        let head = whole_length(self.bytes()).map_or(self.filled, |(head, _)| head);
        &self.bytes()[head..]
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

/// How long the answer's head is that begins so, and head and body together;
/// `None` before the end of the head.
fn whole_length(answer: &[u8]) -> Option<(usize, usize)> {
    const LENGTH: &[u8] = b"content-length: ";

    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let mut lengths = answer[..head].windows(LENGTH.len());
    // A 204 has none.
    let body = lengths.position(|name| name == LENGTH).map_or(0, |at| {
        let digits = answer[at + LENGTH.len()..head]
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
    });
    Some((head, head + body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f3a-1";

    /// In pieces of so many bytes.
    fn read(text: &str, piece: usize) -> Result<Answer, &'static str> {
        let mut answer = Answer::new();
        let mut pieces = text.as_bytes().chunks(piece);
        loop {
            let piece = pieces.next().unwrap_or_default();
            answer.room()[..piece.len()].copy_from_slice(piece);
            if answer.add(piece.len())? {
                return Ok(answer);
            }
        }
    }

    fn answer(status: &str, id: &str) -> String {
        let body = format!(r#"{{"SessionId":"{id}","Port":8443}}"#);
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    fn is_right(text: &str) -> bool {
        let answer = read(text, text.len()).unwrap();
        answer.is_right(Kind::Http, ID.as_bytes())
    }

    #[test]
    fn only_a_200_for_the_session_that_was_asked_for_is_right() {
        assert!(is_right(&answer("200 OK", ID)));
        assert!(!is_right(&answer("404 Not Found", ID)));
        assert!(!is_right(&answer("200 OK", "0f3a-2")));
        assert!(!is_right("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
    }

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let text = answer("200 OK", ID);
        assert_eq!(read(&text, 1).unwrap().text(), text);
        assert!(read(&text[..text.len() - 1], 7).is_err());
        assert!(read(&format!("{text}H"), usize::MAX).is_err());

        let empty = "HTTP/1.1 204 No Content\r\n\r\n";
        let answer = read(empty, 3).unwrap();
        assert_eq!((answer.status(), answer.body()), (&b"204"[..], &b""[..]));
        let long = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n{}",
            "x".repeat(9_000)
        );
        assert_eq!(read(&long, 64).unwrap().body().len(), 9_000);
    }
}
