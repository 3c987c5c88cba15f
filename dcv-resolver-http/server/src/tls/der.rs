//! [`DerKind`]: what a sequence of DER is, regardless of its label.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::{parse_x509_certificate, parse_x509_crl};

/// What a sequence of DER is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DerKind {
    Certificate,
    Request,
    RevocationList,
    Pkcs8,
    EncryptedPkcs8,
    Pkcs1,
    Sec1,
    Dsa,
    PublicKey,
    Pkcs7,
    Pkcs12,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

impl DerKind {
    /// Recognizes `der`, which is not empty behind its end.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let (SEQUENCE, content, []) = element(der)? else {
            return None;
        };
        let (first, value, rest) = element(content)?;
        let second = element(rest).map(|(tag, ..)| tag);
        match (first, second?) {
            (INTEGER, SEQUENCE) if value == [3] => Some(Self::Pkcs12),
            (INTEGER, SEQUENCE) => Some(Self::Pkcs8),
            // RSA has nine numbers, DSA six.
            (INTEGER, INTEGER) if elements(content) < 9 => Some(Self::Dsa),
            (INTEGER, INTEGER) => Some(Self::Pkcs1),
            (INTEGER, OCTET_STRING) => Some(Self::Sec1),
            (SEQUENCE, OCTET_STRING) => Some(Self::EncryptedPkcs8),
            (SEQUENCE, BIT_STRING) => Some(Self::PublicKey),
            (OBJECT_IDENTIFIER, _) => Some(Self::Pkcs7),
            (SEQUENCE, SEQUENCE) if parse_x509_certificate(der).is_ok() => Some(Self::Certificate),
            (SEQUENCE, SEQUENCE) if X509CertificationRequest::from_der(der).is_ok() => {
                Some(Self::Request)
            }
            (SEQUENCE, SEQUENCE) if parse_x509_crl(der).is_ok() => Some(Self::RevocationList),
            _ => None,
        }
    }
}

fn elements(mut content: &[u8]) -> usize {
    let mut count = 0;
    while let Some((_, _, rest)) = element(content) {
        count += 1;
        content = rest;
    }
    count
}

/// Splits the first element off: its tag, its value, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7F => (usize::from(short), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short - 0x80))?;
            let length = bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
            (length, rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}
