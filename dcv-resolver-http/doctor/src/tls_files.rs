//! The files of a section with TLS settings: can the gateway use them?

use std::io::ErrorKind;

use dcv_resolver_client::{BaseUrl, HttpClient, TlsFileError, TlsOptions};

use crate::hop::{Hop, HopKind};

/// Returns why the files of `section` cannot be used.
pub(crate) fn check(section: &str, options: TlsOptions) -> Option<Hop> {
    // The CAs of the system, which a strict client may need, are no files of the
    // section.
    let client = HttpClient::builder(nowhere()).tls(options.strict(false));
    let error = client.build().err()?;
    let is_refused = matches!(
        &error,
        TlsFileError::Unreadable { source, .. } if source.kind() == ErrorKind::PermissionDenied
    );
    Some(if is_refused {
        // The gateway's user may be able to.
        let change = "run the command as the gateway's user or root";
        Hop::warn(HopKind::GatewayConfig, error.to_string(), change)
    } else {
        let change = format!("correct the files of {section}");
        Hop::fail(HopKind::GatewayConfig, error.to_string(), change)
    })
}

/// Returns the URL of a client that connects to nothing.
#[expect(clippy::expect_used, reason = "the URL is a constant")]
fn nowhere() -> BaseUrl {
    "https://localhost".parse().expect("a valid URL")
}

/// Returns why a peer cannot be connected to, given the error of building its client.
/// The hop is of the kind `tls` if the system has no CAs, and otherwise of the kind
/// `name`, at which connecting to the peer would begin.
pub(crate) fn no_client(error: &TlsFileError, name: HopKind, tls: HopKind, section: &str) -> Hop {
    match error {
        TlsFileError::NoSystemCas => {
            let change = format!("set ca-file of {section} to the CA of its certificate");
            Hop::fail(tls, error.to_string(), change)
        }
        // `check` has found it.
        _ => Hop::not_checked(name, format!("the files of {section} cannot be used")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::Status;

    #[test]
    fn file_that_cannot_be_used_is_a_failure_of_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        // DER.
        std::fs::write(&path, [0x30, 0x82, 0x01, 0x00]).unwrap();
        let options = || TlsOptions::default().ca_file(&path);
        let hop = check("[dcv]", options()).unwrap();
        assert_eq!(
            (hop.kind, hop.status),
            (HopKind::GatewayConfig, Status::Fail)
        );
        assert!(hop.detail.contains("is in DER format"), "{hop}");
        let change = hop.finding.unwrap().change;
        assert_eq!(change, "correct the files of [dcv]");
        assert_eq!(check("[dcv]", TlsOptions::default()), None);

        let client = HttpClient::builder(nowhere()).tls(options());
        let error = client.build().unwrap_err();
        let hop = no_client(&error, HopKind::ServerName, HopKind::ServerTls, "[dcv]");
        let unchecked = (HopKind::ServerName, Status::NotChecked);
        assert_eq!((hop.kind, hop.status), unchecked);
    }

    #[test]
    fn system_without_cas_is_a_failure_of_tls() {
        let error = TlsFileError::NoSystemCas;
        let hop = no_client(&error, HopKind::ServerName, HopKind::ServerTls, "[dcv]");
        assert_eq!((hop.kind, hop.status), (HopKind::ServerTls, Status::Fail));
        assert!(
            hop.detail.contains("this system has no certificates"),
            "{hop}"
        );
    }

    #[test]
    fn key_in_another_form_is_named_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let body = "dHIwdWI0ZG9y";
        let text =
            format!("-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n");
        std::fs::write(&path, text).unwrap();
        let certificate = folder.path().join("cert.pem");
        let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        std::fs::write(&certificate, pem).unwrap();
        let options = TlsOptions::default().client_certificate(&certificate, &path);
        let hop = check("[resolver]", options).unwrap();
        assert!(hop.detail.contains("PKCS#8"), "{hop}");
        assert!(!hop.to_string().contains(body));
    }
}
