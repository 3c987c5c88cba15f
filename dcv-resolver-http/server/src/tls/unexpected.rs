//! Names what a file holds instead of what it should, and what to do about it.

use std::path::Path;

use super::der::DerKind;
use super::error::TlsError;
use super::pem_block::Block;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Certificate,
    Key,
    ClientCa,
}

impl Role {
    fn expected(self) -> &'static str {
        match self {
            Self::Certificate => "a certificate in PEM format",
            Self::Key => "a private key in PEM format",
            Self::ClientCa => "only certificates of CAs in PEM format",
        }
    }
}

/// What the label of a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Certificate,
    Key,
    EncryptedKey,
    /// Parameters of elliptic curves or of Diffie-Hellman: `openssl ecparam
    /// -genkey` writes them before the key, and HAProxy's files have them.
    Parameters,
    Trusted,
    Request,
    RevocationList,
    PublicKey,
    OpenSsh,
    Dsa,
    Pkcs7,
    Other,
}

impl Label {
    /// Source: RFC 7468, and `PEM_STRING_…` of OpenSSL.
    pub(super) fn of(label: &str) -> Self {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "X.509 CERTIFICATE" => Self::Certificate,
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Self::Key,
            "ENCRYPTED PRIVATE KEY" => Self::EncryptedKey,
            "EC PARAMETERS" | "DH PARAMETERS" | "X9.42 DH PARAMETERS" => Self::Parameters,
            "TRUSTED CERTIFICATE" => Self::Trusted,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::Request,
            "X509 CRL" | "CRL" => Self::RevocationList,
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::PublicKey,
            "OPENSSH PRIVATE KEY" => Self::OpenSsh,
            "DSA PRIVATE KEY" => Self::Dsa,
            "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => Self::Pkcs7,
            _ => Self::Other,
        }
    }
}

/// Returns the error for a block that does not belong in this file.
pub(super) fn unexpected_block(path: &Path, role: Role, block: &Block, label: Label) -> TlsError {
    let at = path.display();
    let (found, remedy) = match label {
        Label::Certificate => ("a certificate", "remove it".to_owned()),
        Label::Key | Label::EncryptedKey => (
            "a private key",
            "remove it: the resolver does not need the key of a CA".to_owned(),
        ),
        Label::Parameters => ("parameters of a key", "remove it".to_owned()),
        Label::Trusted => (
            "an OpenSSL trusted certificate",
            format!("convert it with 'openssl x509 -in {at} -out NEW'"),
        ),
        Label::Request => (
            "a certificate request",
            "use the certificate that a CA issues for it".to_owned(),
        ),
        Label::RevocationList => (
            "a certificate revocation list",
            "remove it: revocation is not checked, so remove a CA to refuse its clients".to_owned(),
        ),
        Label::PublicKey => (
            "a public key",
            "use the certificate and its private key".to_owned(),
        ),
        Label::OpenSsh => (
            "an OpenSSH private key",
            format!("convert a copy of it with 'ssh-keygen -p -N \"\" -m PKCS8 -f {at}'"),
        ),
        Label::Dsa => (
            "a DSA key, which TLS no longer supports",
            "use an RSA or ECDSA key".to_owned(),
        ),
        Label::Pkcs7 => (
            "a PKCS#7 bundle",
            format!("convert it with 'openssl pkcs7 -print_certs -in {at} -out NEW'"),
        ),
        Label::Other => (
            "neither a certificate nor a private key",
            "remove it".to_owned(),
        ),
    };
    TlsError::UnexpectedBlock {
        path: path.to_owned(),
        block: block.place,
        found,
        expected: role.expected(),
        remedy,
    }
}

/// Returns the error for a block whose content is not what its label says.
pub(super) fn mislabelled(path: &Path, block: &Block, kind: DerKind) -> TlsError {
    let remedy = match correct_label(kind) {
        Some(label) => format!("write {label} in its BEGIN and END lines"),
        None => "copy the file again from its source".to_owned(),
    };
    TlsError::Mislabeled {
        path: path.to_owned(),
        block: block.place,
        found: name(kind),
        remedy,
    }
}

/// Returns the error for a file that has no block of the expected kind.
pub(super) fn unexpected_file(path: &Path, role: Role, bytes: &[u8]) -> TlsError {
    let at = path.display();
    let has = |text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
    let der = DerKind::of(bytes);
    let copy = || "name another file".to_owned();
    let (found, remedy) = if bytes.trim_ascii().is_empty() {
        ("is empty", "write it again".to_owned())
    } else if is_utf16(bytes) {
        (
            "is UTF-16 text",
            format!("convert it with 'iconv -f UTF-16 -t UTF-8 {at}'"),
        )
    } else if has("-----BEGIN CERTIFICATE") {
        ("contains a certificate", copy())
    } else if has("PRIVATE KEY-----") {
        ("contains a private key", copy())
    } else if has("-----BEGIN ") {
        ("contains something else", copy())
    } else if let Some(kind) = der {
        let command = match (kind, role) {
            (DerKind::Pkcs12, Role::Key) => {
                format!("'openssl pkcs12 -nocerts -noenc -in {at} -out NEW'")
            }
            (DerKind::Pkcs12, _) => format!("'openssl pkcs12 -nokeys -in {at} -out NEW'"),
            (DerKind::Pkcs7, _) => {
                format!("'openssl pkcs7 -inform DER -print_certs -in {at} -out NEW'")
            }
            (DerKind::Certificate, _) => format!("'openssl x509 -inform DER -in {at} -out NEW'"),
            _ => format!("'openssl pkey -inform DER -in {at} -out NEW'"),
        };
        let fits = match kind {
            DerKind::Pkcs12 => true,
            DerKind::Certificate | DerKind::Pkcs7 => role != Role::Key,
            DerKind::Pkcs8 | DerKind::Pkcs1 | DerKind::Sec1 | DerKind::EncryptedPkcs8 => {
                role == Role::Key
            }
            _ => false,
        };
        let remedy = if fits {
            format!("convert it with {command}")
        } else {
            copy()
        };
        (in_der(kind), remedy)
    } else if bytes.starts_with(b"\xFE\xED\xFE\xED") {
        (
            "is a Java keystore",
            format!(
                "convert it with 'keytool -importkeystore -deststoretype PKCS12 -srckeystore {at} -destkeystore NEW', and NEW with 'openssl pkcs12'"
            ),
        )
    } else if bytes.starts_with(b"PuTTY-User-Key-File-") {
        (
            "is a PuTTY key",
            "use the private key of the certificate".to_owned(),
        )
    } else if ["ssh-", "ecdsa-sha2-"]
        .iter()
        .any(|it| bytes.starts_with(it.as_bytes()))
    {
        (
            "is an SSH public key",
            "use a certificate and its private key".to_owned(),
        )
    } else if bytes.starts_with(b"MI") {
        (
            "is base64 without a BEGIN line",
            "copy the file again from its source".to_owned(),
        )
    } else {
        ("contains something else", copy())
    };
    TlsError::UnexpectedContent {
        path: path.to_owned(),
        expected: role.expected(),
        found,
        remedy,
    }
}

/// Returns whether every other byte is zero, or a byte order mark says so.
fn is_utf16(bytes: &[u8]) -> bool {
    let is_ascii_with_zeros = |ascii: usize, zero: usize| {
        let start = bytes.get(..16).unwrap_or(bytes);
        let mut pairs = start.chunks_exact(2);
        start.len() >= 2 && pairs.all(|pair| pair[ascii].is_ascii() && pair[zero] == 0)
    };
    bytes.starts_with(b"\xFF\xFE")
        || bytes.starts_with(b"\xFE\xFF")
        || is_ascii_with_zeros(0, 1)
        || is_ascii_with_zeros(1, 0)
}

fn name(kind: DerKind) -> &'static str {
    match kind {
        DerKind::Certificate => "a certificate",
        DerKind::Request => "a certificate request",
        DerKind::RevocationList => "a certificate revocation list",
        DerKind::Pkcs8 => "a private key in PKCS#8",
        DerKind::EncryptedPkcs8 => "an encrypted private key",
        DerKind::Pkcs1 => "an RSA key in PKCS#1",
        DerKind::Sec1 => "an elliptic-curve key in SEC1",
        DerKind::Dsa => "a DSA key, which TLS no longer supports",
        DerKind::PublicKey => "a public key",
        DerKind::Pkcs7 => "a PKCS#7 bundle",
        DerKind::Pkcs12 => "a PKCS#12 file",
    }
}

fn in_der(kind: DerKind) -> &'static str {
    match kind {
        DerKind::Certificate => "is a certificate in DER format",
        DerKind::Request => "is a certificate request in DER format",
        DerKind::RevocationList => "is a certificate revocation list in DER format",
        DerKind::Pkcs8 | DerKind::Pkcs1 | DerKind::Sec1 => "is a private key in DER format",
        DerKind::EncryptedPkcs8 => "is an encrypted private key in DER format",
        DerKind::Dsa => "is a DSA key, which TLS no longer supports",
        DerKind::PublicKey => "is a public key in DER format",
        DerKind::Pkcs7 => "is a PKCS#7 bundle",
        DerKind::Pkcs12 => "is a PKCS#12 file",
    }
}

fn correct_label(kind: DerKind) -> Option<&'static str> {
    match kind {
        DerKind::Certificate => Some("CERTIFICATE"),
        DerKind::Pkcs8 => Some("PRIVATE KEY"),
        DerKind::Pkcs1 => Some("RSA PRIVATE KEY"),
        DerKind::Sec1 => Some("EC PRIVATE KEY"),
        _ => None,
    }
}
