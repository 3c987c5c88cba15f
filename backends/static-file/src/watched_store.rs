//! [`WatchedStore`]: reloads a store, and reports changes and errors.

use std::sync::Arc;

use dcv_resolver_file_watch::{AfterReload, LastReported};

use crate::content_hash::content_hash;
use crate::options::OnReload;
use crate::{LoadError, Reload, StaticFileStore};

pub(crate) struct WatchedStore {
    store: Arc<StaticFileStore>,
    on_reload: Option<Arc<OnReload>>,
    last_reported: LastReported,
}

impl WatchedStore {
    pub(crate) fn new(store: Arc<StaticFileStore>, on_reload: Option<Arc<OnReload>>) -> Self {
        Self {
            store,
            on_reload,
            last_reported: LastReported::at_once(),
        }
    }

    pub(crate) fn reload(&mut self) -> AfterReload {
        let store = Arc::clone(&self.store);
        let (content, result) = match store.read() {
            // Parsing it again would give the same error.
            Ok(reading) if self.last_reported.is_reported(reading.hash) => {
                return AfterReload::Wait;
            }
            Ok(reading) => (reading.hash, store.take(reading)),
            Err(error) => (content_hash(error.to_string().as_bytes()), Err(error)),
        };
        let is_news = match &result {
            Ok(reload) => self.accepted(*reload),
            Err(error) => self.refused(content, error),
        };
        if is_news && let Some(on_reload) = &self.on_reload {
            on_reload(&result);
        }
        match result {
            // It may be readable at the next check, though its metadata are the
            // same.
            Err(LoadError::Unreadable { .. } | LoadError::StillChanging { .. }) => {
                AfterReload::Repeat
            }
            _ => AfterReload::Wait,
        }
    }

    /// Returns whether there was something to report.
    fn accepted(&mut self, reload: Reload) -> bool {
        let was_invalid = self.last_reported.accepted();
        if reload == Reload::Unchanged && !was_invalid {
            return false;
        }
        tracing::info!(
            path = %self.store.path().display(),
            sessions = self.store.session_count(),
            "{}",
            if was_invalid { "the session file is valid again" } else { "the session file has changed" },
        );
        true
    }

    /// Returns whether there was something to report.
    fn refused(&mut self, content: u64, error: &LoadError) -> bool {
        if !self.last_reported.refused(content) {
            return false;
        }
        tracing::error!(
            path = %self.store.path().display(),
            %error,
            sessions = self.store.session_count(),
            "the session file cannot be used; the sessions read before are still served",
        );
        true
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn content_that_was_reported_is_not_parsed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        fs::write(&path, "[sessions]").unwrap();
        let store = Arc::new(StaticFileStore::load(path).unwrap());
        let mut watched = WatchedStore::new(Arc::clone(&store), None);
        let session = "[sessions.a]\nhost = '192.0.2.7'\nhttp_port = 1\n";
        fs::write(store.path(), session).unwrap();
        // It is valid, which only shows when it is parsed.
        let hash = store.read().unwrap().hash;
        assert!(watched.last_reported.refused(hash));
        watched.reload();
        assert_eq!(store.session_count(), 0);
        fs::write(store.path(), format!("{session}\n")).unwrap();
        watched.reload();
        assert_eq!(store.session_count(), 1);
    }

    #[test]
    fn only_a_file_that_could_not_be_read_is_read_again_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        fs::write(&path, "[sessions]").unwrap();
        let store = Arc::new(StaticFileStore::load(&path).unwrap());
        let mut watched = WatchedStore::new(store, None);
        assert_eq!(watched.reload(), AfterReload::Wait);
        fs::write(&path, "").unwrap();
        assert_eq!(watched.reload(), AfterReload::Wait);
        fs::remove_file(&path).unwrap();
        assert_eq!(watched.reload(), AfterReload::Repeat);
    }
}
