//! The token file, while it changes.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_admin::{
    InvalidTokenLine, InvalidTokens, Role, Tokens, TokensError, TokensReload,
};
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
        huge.ends_with("/tokens: the token file cannot be read: the file is larger than 1 MiB"),
        "{huge}"
    );

    let folder = TempDir::new().unwrap();
    let folder_error = Tokens::load(folder.path()).unwrap_err().to_string();
    assert!(
        folder_error.ends_with("this is not a file"),
        "{folder_error}"
    );
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
    assert_eq!(tokens.reload().unwrap(), TokensReload::Unchanged);
    assert_eq!(tokens.count(), 2);
    assert_eq!(
        tokens.check(READER.as_bytes()).unwrap().role(),
        Role::ReadOnly
    );

    app.replace_tokens(&format!("other read-only {STRANGER}"));
    assert_eq!(tokens.reload().unwrap(), TokensReload::Replaced);
    assert_eq!(tokens.count(), 1);
    assert!(tokens.check(WRITER.as_bytes()).is_none());
    assert_eq!(tokens.check(STRANGER.as_bytes()).unwrap().name(), "other");
    assert_eq!(tokens.reload().unwrap(), TokensReload::Unchanged);
}

#[test]
fn a_bad_file_changes_nothing() {
    let app = App::new();
    let tokens = &app.tokens;
    for content in ["writer", "", "writer read-write short"] {
        app.replace_tokens(content);
        assert!(tokens.reload().is_err());
        assert!(tokens.check(WRITER.as_bytes()).is_some());
    }
    fs::remove_file(&app.token_file).unwrap();
    fs::create_dir(&app.token_file).unwrap();
    assert!(tokens.reload().is_err());
    assert!(tokens.check(WRITER.as_bytes()).is_some());
}

#[test]
fn a_deleted_file_takes_every_token_back() {
    let app = App::new();
    let tokens = &app.tokens;
    let content = fs::read_to_string(&app.token_file).unwrap();
    fs::remove_file(&app.token_file).unwrap();
    let gone = tokens.reload().unwrap_err();
    assert!(matches!(gone, TokensError::Deleted { .. }), "{gone}");
    assert_eq!(tokens.count(), 0);
    assert!(tokens.check(WRITER.as_bytes()).is_none());

    app.replace_tokens(&content);
    assert_eq!(tokens.reload().unwrap(), TokensReload::Replaced);
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
    app.replace_tokens(&format!("other read-only {STRANGER}"));
    app.tokens.reload().unwrap();
    assert_eq!(send(WRITER).await, 401);
    assert_eq!(send(STRANGER).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_watched_file_is_read_again_and_told_of() {
    let (log, _guard) = Log::of_this_thread();
    let app = App::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (tokens, telling) = (app.tokens.clone(), Arc::clone(&told));
    let watch = tokio::spawn(async move {
        let tell = |reload: &Result<TokensReload, TokensError>| {
            telling.lock().unwrap().push(reload.as_ref().ok().copied());
        };
        tokens.watch(tell).await;
    });
    let until = async |condition: &dyn Fn() -> bool| {
        let waiting = async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(waited.is_ok(), "told {:?}", told.lock().unwrap());
    };
    let told_of = |count| told.lock().unwrap().len() == count;

    app.replace_tokens(&format!("other read-only {STRANGER}"));
    until(&|| told_of(1)).await;
    assert!(app.tokens.check(STRANGER.as_bytes()).is_some());
    app.replace_tokens("other");
    until(&|| told_of(2)).await;
    assert!(app.tokens.check(STRANGER.as_bytes()).is_some());
    fs::remove_file(&app.token_file).unwrap();
    until(&|| told_of(3) && app.tokens.count() == 0).await;
    watch.abort();

    assert_eq!(
        *told.lock().unwrap(),
        [Some(TokensReload::Replaced), None, None]
    );
    let events = log.take();
    let levels: Vec<_> = events.iter().map(|event| &event["level"]).collect();
    assert_eq!(levels, ["INFO", "ERROR", "ERROR"]);
    assert_eq!(events[2]["message"], "the admin API is closed");
    assert!(!log.text().contains("tr0ub4dor"));
}

/// As tools do that know no better: a look in between finds no file.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_missing_for_one_look_takes_nothing_back() {
    let app = App::new();
    let content = fs::read_to_string(&app.token_file).unwrap();
    fs::remove_file(&app.token_file).unwrap();
    {
        // The first look, at once, and no second.
        let mut watch = std::pin::pin!(app.tokens.watch(|reload| panic!("{reload:?}")));
        let first = tokio::time::timeout(Duration::from_millis(999), &mut watch).await;
        assert!(first.is_err());
        assert_eq!(app.tokens.count(), 2);
    }
    app.replace_tokens(&content);
    assert_eq!(app.tokens.reload().unwrap(), TokensReload::Unchanged);
    assert_eq!(app.tokens.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_watched_file_that_is_back_is_good_whoever_found_it_missing() {
    let app = App::new();
    let content = fs::read_to_string(&app.token_file).unwrap();
    let tokens = app.tokens.clone();
    let watch = tokio::spawn(async move { tokens.watch(|_| ()).await });
    tokio::time::sleep(Duration::from_millis(1_500)).await;

    // Between two looks.
    fs::remove_file(&app.token_file).unwrap();
    assert!(app.tokens.reload().is_err());
    assert_eq!(app.tokens.count(), 0);
    app.replace_tokens(&content);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(app.tokens.count(), 2);
    watch.abort();
}
