//! The token file, while it changes.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_http::admin::{InvalidTokenLine, InvalidTokens, Role, Tokens, TokensError};
use tempfile::TempDir;

use crate::fixture::{App, READER, STRANGER, WRITER, bearing};
use crate::log::Log;

fn error(content: &[u8]) -> TokensError {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tokens");
    fs::write(&path, content).unwrap();
    Tokens::load(&path).unwrap_err()
}

#[test]
fn what_cannot_be_loaded_names_the_file_and_the_line() {
    let mistake = error(format!("# mine\nwriter {WRITER}").as_bytes());
    let text = mistake.to_string();
    assert!(
        text.ends_with("/tokens: line 2: expected NAME read-only|read-write TOKEN, found 2 words"),
        "{text}"
    );
    let TokensError::Invalid { mistake, .. } = mistake else {
        panic!("{mistake}");
    };
    let fault = InvalidTokenLine::Words { words: 2 };
    assert_eq!(mistake, InvalidTokens::Line { line: 2, fault });

    let empty = error(b"").to_string();
    assert!(
        empty.contains("/tokens: the file holds no token"),
        "{empty}"
    );
    let huge = error(&vec![b'\n'; 1024 * 1024 + 1]).to_string();
    assert!(
        huge.ends_with("/tokens: the token file cannot be read: it is larger than 1 MiB"),
        "{huge}"
    );

    let folder = TempDir::new().unwrap();
    let folder_error = Tokens::load(folder.path()).unwrap_err().to_string();
    assert!(folder_error.ends_with("it is not a file"), "{folder_error}");
    let missing = Tokens::load(folder.path().join("none")).unwrap_err();
    assert!(
        matches!(missing, TokensError::Unreadable { .. }),
        "{missing}"
    );
}

#[test]
fn neither_debug_nor_an_error_shows_a_token() {
    let app = App::new();
    let shown = format!("{:?}", app.tokens);
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

#[test]
fn a_good_file_replaces_all_tokens() {
    let app = App::new();
    let tokens = &app.tokens;
    assert!(tokens.reload().is_none());
    assert_eq!(tokens.count(), 2);
    assert_eq!(
        tokens.check(READER.as_bytes()).unwrap().role(),
        Role::ReadOnly
    );

    fs::write(&app.token_file, format!("other read-only {STRANGER}")).unwrap();
    assert_eq!(tokens.reload().unwrap().unwrap(), 1);
    assert!(tokens.check(WRITER.as_bytes()).is_none());
    assert_eq!(tokens.check(STRANGER.as_bytes()).unwrap().name(), "other");
    assert!(tokens.reload().is_none());
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_once_for_each_content() {
    let app = App::new();
    let tokens = &app.tokens;
    for content in ["writer", "", "writer read-write short"] {
        fs::write(&app.token_file, content).unwrap();
        assert!(tokens.reload().unwrap().is_err());
        assert!(tokens.reload().is_none());
        assert!(tokens.check(WRITER.as_bytes()).is_some());
    }
    fs::remove_file(&app.token_file).unwrap();
    fs::create_dir(&app.token_file).unwrap();
    assert!(tokens.reload().unwrap().is_err());
    assert!(tokens.reload().is_none());
    assert!(tokens.check(WRITER.as_bytes()).is_some());
}

#[test]
fn a_deleted_file_takes_every_token_back_at_the_second_look() {
    let app = App::new();
    let tokens = &app.tokens;
    let content = fs::read(&app.token_file).unwrap();

    // Replaced by deleting it first.
    fs::remove_file(&app.token_file).unwrap();
    assert!(tokens.reload().is_none());
    fs::write(&app.token_file, &content).unwrap();
    assert!(tokens.reload().is_none());
    assert_eq!(tokens.count(), 2);

    fs::remove_file(&app.token_file).unwrap();
    assert!(tokens.reload().is_none());
    assert!(tokens.check(WRITER.as_bytes()).is_some());
    let gone = tokens.reload().unwrap().unwrap_err();
    assert!(matches!(gone, TokensError::Deleted { .. }), "{gone}");
    assert!(tokens.check(WRITER.as_bytes()).is_none());
    assert!(tokens.reload().is_none());

    fs::write(&app.token_file, &content).unwrap();
    assert_eq!(tokens.reload().unwrap().unwrap(), 2);
    assert!(tokens.check(WRITER.as_bytes()).is_some());
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_refused_from_then_on() {
    let app = App::new();
    let send = async |token: &str| {
        let request = bearing(token, "GET", "/v1/sessions");
        let answer = app.send(request.body(axum::body::Body::empty()).unwrap());
        answer.await.status.as_u16()
    };
    assert_eq!(send(WRITER).await, 200);
    assert_eq!(send(STRANGER).await, 401);
    fs::write(&app.token_file, format!("other read-only {STRANGER}")).unwrap();
    app.tokens.reload().unwrap().unwrap();
    assert_eq!(send(WRITER).await, 401);
    assert_eq!(send(STRANGER).await, 200);
}

/// Real time, since a file is read on a thread that a paused clock does not
/// wait for.
#[tokio::test]
async fn a_watched_file_is_read_again_and_told_of() {
    let (log, _guard) = Log::of_this_thread();
    let app = App::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let watch = app.tokens.watch(move |reload| {
        telling.lock().unwrap().push(reload.as_ref().ok().copied());
    });
    let watch = tokio::spawn(watch);
    let until = async |count: usize| {
        let told = async {
            while told.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(60), told);
        told.await.unwrap();
    };
    app.replace_tokens(&format!("other read-only {STRANGER}"));
    until(1).await;
    assert!(app.tokens.check(STRANGER.as_bytes()).is_some());
    app.replace_tokens("other");
    until(2).await;
    assert!(app.tokens.check(STRANGER.as_bytes()).is_some());
    fs::remove_file(&app.token_file).unwrap();
    until(3).await;
    assert!(app.tokens.check(STRANGER.as_bytes()).is_none());
    watch.abort();

    assert_eq!(*told.lock().unwrap(), [Some(1), None, None]);
    let levels: Vec<_> = log
        .take()
        .iter()
        .map(|event| event["level"].clone())
        .collect();
    assert_eq!(levels, ["INFO", "ERROR", "ERROR"]);
    assert!(!log.text().contains("tr0ub4dor"));
}
