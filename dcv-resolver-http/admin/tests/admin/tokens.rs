//! The token file, while it changes.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Extensions;
use axum::http::header::AUTHORIZATION;
use dcv_resolver_admin::{
    BearerTokens, InvalidTokenLine, InvalidTokens, Reload, Role, TokensError,
};
use dcv_resolver_authorize::{Access, AccessRequest, AuthError, Authorize, Principal};
use tempfile::TempDir;

use crate::fixture::{App, READER, STRANGER, WRITER};
use crate::log::log_of_this_thread;

fn error(content: &[u8]) -> TokensError {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tokens");
    fs::write(&path, content).unwrap();
    BearerTokens::load(&path).unwrap_err()
}

#[test]
fn unusable_file_is_refused_with_its_path_and_line() {
    let two_words = error(format!("# mine\nwriter {WRITER}").as_bytes());
    let text = two_words.to_string();
    assert!(
        text.ends_with(
            "/tokens: line 2: expected NAME read-only|read-write|operator TOKEN, found 2 words"
        ),
        "{text}"
    );
    let TokensError::Invalid { source, .. } = two_words else {
        panic!("{two_words}");
    };
    let expected = InvalidTokenLine::Words { words: 2 };
    assert_eq!(
        source,
        InvalidTokens::Line {
            line: 2,
            source: expected
        }
    );

    let empty = error(b"").to_string();
    assert!(
        empty.contains("/tokens: the file holds no token"),
        "{empty}"
    );
    let huge = error(&vec![b'\n'; 1024 * 1024 + 1]).to_string();
    assert!(huge.contains("/tokens: it is larger than 1 MiB"), "{huge}");

    let folder = TempDir::new().unwrap();
    let folder_error = BearerTokens::load(folder.path()).unwrap_err().to_string();
    assert!(
        folder_error.ends_with(": it is a directory; name a file in it"),
        "{folder_error}"
    );
    let missing = BearerTokens::load(folder.path().join("none")).unwrap_err();
    assert!(
        matches!(missing, TokensError::Unreadable { .. }),
        "{missing}"
    );
    let expected = format!(
        "cannot read the token file {}: there is no such file; create it, or correct the path",
        folder.path().join("none").display()
    );
    assert_eq!(missing.to_string(), expected);
}

#[test]
fn neither_debug_nor_an_error_shows_a_token() {
    let app = App::new();
    let shown = format!("{:?}", app.tokens());
    assert!(
        shown.contains("writer") && !shown.contains("tr0ub4dor"),
        "{shown}"
    );
    let shown = format!(
        "{:?}",
        error(format!("{WRITER} {READER} {WRITER}").as_bytes())
    );
    assert!(!shown.contains("tr0ub4dor"), "{shown}");
}

/// For other users of `Authorize`, such as the explanations of the ops router.
#[tokio::test]
async fn token_authorizes_what_its_role_allows() {
    let app = App::new();
    let authorize = async |token: Option<&str>, access| {
        let headers = token
            .map(|token| (AUTHORIZATION, format!("Bearer {token}").parse().unwrap()))
            .into_iter()
            .collect();
        let extensions = Extensions::new();
        let request = AccessRequest::new(&headers, &extensions, access);
        app.tokens().authorize(&request).await
    };
    for (token, name, role, may_write) in [
        (WRITER, "writer", Role::ReadWrite, true),
        (READER, "reader", Role::ReadOnly, false),
    ] {
        let principal = Principal::new(name).with_role(role.as_str());
        assert_eq!(authorize(Some(token), Access::Read).await, Ok(principal));
        assert_eq!(
            authorize(Some(token), Access::Write).await.is_ok(),
            may_write
        );
    }
    let forbidden = authorize(Some(READER), Access::Write).await;
    assert!(matches!(forbidden, Err(AuthError::Forbidden(_))));
    for token in [None, Some(STRANGER)] {
        let unauthorized = authorize(token, Access::Read).await;
        assert!(matches!(unauthorized, Err(AuthError::Unauthorized { .. })));
    }
}

#[tokio::test]
async fn valid_file_replaces_all_tokens() {
    let app = App::new();
    assert_eq!(app.tokens().reload().unwrap(), Reload::Unchanged);
    assert_eq!(app.tokens().count(), 2);
    assert!(app.accepts(WRITER).await && !app.accepts(STRANGER).await);

    app.replace_tokens(&format!("other read-only {STRANGER}"));
    assert_eq!(app.tokens().reload().unwrap(), Reload::Replaced);
    assert_eq!(app.tokens().count(), 1);
    assert!(!app.accepts(WRITER).await && app.accepts(STRANGER).await);
    assert_eq!(app.tokens().reload().unwrap(), Reload::Unchanged);
}

#[tokio::test]
async fn invalid_file_changes_nothing() {
    let app = App::new();
    for content in ["writer", "", "writer read-write short"] {
        app.replace_tokens(content);
        assert!(app.tokens().reload().is_err());
        assert!(app.accepts(WRITER).await);
    }
    fs::remove_file(app.token_file()).unwrap();
    fs::create_dir(app.token_file()).unwrap();
    assert!(app.tokens().reload().is_err());
    assert!(app.accepts(WRITER).await);
}

#[tokio::test]
async fn deleted_file_revokes_every_token() {
    let app = App::new();
    let content = fs::read_to_string(app.token_file()).unwrap();
    fs::remove_file(app.token_file()).unwrap();
    let deleted = app.tokens().reload().unwrap_err();
    assert!(matches!(deleted, TokensError::Deleted { .. }), "{deleted}");
    assert_eq!(app.tokens().count(), 0);
    assert!(!app.accepts(WRITER).await);

    app.replace_tokens(&content);
    assert_eq!(app.tokens().reload().unwrap(), Reload::Replaced);
    assert!(app.accepts(WRITER).await);
}

#[tokio::test(start_paused = true)]
async fn watched_file_is_reloaded_logged_and_reported() {
    let (log, _guard) = log_of_this_thread();
    let app = App::new();
    let reported = Arc::new(Mutex::new(Vec::new()));
    let (tokens, reports) = (app.tokens().clone(), Arc::clone(&reported));
    let watch = tokio::spawn(async move {
        let report = |reload: &Result<Reload, TokensError>| {
            reports.lock().unwrap().push(reload.as_ref().ok().copied());
        };
        tokens.watch(report).await;
    });
    let until = async |condition: &dyn Fn() -> bool| {
        let waiting = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(waited.is_ok(), "reported {:?}", reported.lock().unwrap());
    };
    let reports = |count| reported.lock().unwrap().len() == count;

    app.replace_tokens(&format!("other read-only {STRANGER}"));
    until(&|| reports(1)).await;
    assert_eq!(app.tokens().count(), 1);
    app.replace_tokens("other");
    until(&|| reports(2)).await;
    assert_eq!(app.tokens().count(), 1);
    fs::remove_file(app.token_file()).unwrap();
    until(&|| reports(3) && app.tokens().count() == 0).await;
    watch.abort();

    assert_eq!(
        *reported.lock().unwrap(),
        [Some(Reload::Replaced), None, None]
    );
    let events = log.take();
    let levels: Vec<_> = events.iter().map(|event| &event["level"]).collect();
    assert_eq!(levels, ["INFO", "ERROR", "ERROR"]);
    assert_eq!(events[2]["message"], "the admin API is closed");
    assert!(!log.text().contains("tr0ub4dor"));
}

/// Some tools replace a file by deleting it first.
#[tokio::test(start_paused = true)]
async fn file_that_is_missing_at_one_look_revokes_nothing() {
    let app = App::new();
    let content = fs::read_to_string(app.token_file()).unwrap();
    fs::remove_file(app.token_file()).unwrap();
    {
        // The first check, at once, and no second one.
        let mut watch = std::pin::pin!(app.tokens().watch(|reload| panic!("{reload:?}")));
        let first = tokio::time::timeout(Duration::from_millis(999), &mut watch).await;
        assert!(first.is_err());
        assert_eq!(app.tokens().count(), 2);
    }
    app.replace_tokens(&content);
    assert_eq!(app.tokens().reload().unwrap(), Reload::Unchanged);
    assert_eq!(app.tokens().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn restored_file_is_valid_again_if_a_reload_found_it_missing() {
    let app = App::new();
    let content = fs::read_to_string(app.token_file()).unwrap();
    let tokens = app.tokens().clone();
    let watch = tokio::spawn(async move { tokens.watch(|_| ()).await });
    tokio::time::sleep(Duration::from_millis(1_500)).await;

    // Between two looks.
    fs::remove_file(app.token_file()).unwrap();
    assert!(app.tokens().reload().is_err());
    assert_eq!(app.tokens().count(), 0);
    app.replace_tokens(&content);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(app.tokens().count(), 2);
    watch.abort();
}
