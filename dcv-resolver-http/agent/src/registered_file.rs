//! [`RegisteredFile`]: the registered sessions of an agent, which a restart keeps.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dcv_resolver_core::{SessionRecord, Timestamp};
use dcv_resolver_file_watch::MAX_BYTES;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::private_file;

/// A file with what the agent has registered, as JSON.
///
/// An agent that is restarted while the sessions cannot be listed renews what it
/// finds there. Otherwise sessions that run would end with their leases.
#[derive(Debug)]
pub(crate) struct RegisteredFile {
    path: PathBuf,
    writing: Arc<Mutex<()>>,
}

impl RegisteredFile {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("registered.json"),
            writing: Arc::default(),
        }
    }

    /// Returns the sessions whose leases have not ended. The other sessions may
    /// have ended as well while no agent ran.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not valid. A missing file is not an
    /// error.
    pub(crate) fn read(&self, now: Timestamp) -> io::Result<Vec<SessionRecord>> {
        let content = match dcv_resolver_file_watch::read(&self.path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut records: Vec<SessionRecord> = serde_json::from_slice(&content)?;
        records.retain(|record| record.is_live(now));
        Ok(records)
    }

    /// Replaces the file. It waits for a write before it, which the caller may
    /// have abandoned, so that the last content is the one that stays.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or would be too large to be read again.
    pub(crate) async fn write(&self, records: Vec<SessionRecord>) -> io::Result<()> {
        let writing = Arc::clone(&self.writing).lock_owned().await;
        let path = self.path.clone();
        spawn_blocking(move || {
            let written = write(&path, &records);
            drop(writing);
            written
        })
        .await?
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Not durably: a machine that loses power loses its sessions as well.
fn write(path: &Path, records: &[SessionRecord]) -> io::Result<()> {
    let content = serde_json::to_vec(records)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!(
            "the registered sessions take {} bytes, and a restart reads at most {} MiB; give them fewer or shorter labels",
            content.len(),
            MAX_BYTES >> 20,
        )));
    }
    private_file::replace(path, &content)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::task::{Context, Waker};

    use dcv_resolver_core::Expiry;
    use dcv_resolver_core::testing::session;

    use super::*;

    #[tokio::test]
    async fn sessions_whose_leases_have_not_ended_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = RegisteredFile::in_folder(folder.path());
        let at = Timestamp::from_unix_ms;
        assert_eq!(file.read(at(0)).unwrap(), []);
        let records =
            [("a", 10), ("b", 20)].map(|(id, ms)| session(id).with_expiry(Expiry::At(at(ms))));
        file.write(records.to_vec()).await.unwrap();
        let file = RegisteredFile::in_folder(folder.path());
        assert_eq!(file.read(at(9)).unwrap(), records);
        assert_eq!(file.read(at(10)).unwrap(), records[1..]);
        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(file.path(), "[{}]").unwrap();
        assert!(file.read(at(0)).is_err());
    }

    #[tokio::test]
    async fn more_than_can_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = RegisteredFile::in_folder(folder.path());
        let now = Timestamp::from_unix_ms(0);
        let of_label = |bytes: usize| {
            let record = session("a").to_builder().label("note", "x".repeat(bytes));
            [record.build().unwrap()]
        };
        let others = serde_json::to_vec(&of_label(0)).unwrap().len();
        let longest = of_label(MAX_BYTES as usize - others);
        file.write(longest.to_vec()).await.unwrap();
        assert_eq!(file.read(now).unwrap(), longest);

        let longer = of_label(MAX_BYTES as usize - others + 1);
        let error = file.write(longer.to_vec()).await.unwrap_err().to_string();
        assert!(error.contains("at most 1 MiB"), "{error}");
        assert_eq!(file.read(now).unwrap(), longest);
    }

    #[tokio::test]
    async fn write_that_was_abandoned_does_not_replace_a_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = RegisteredFile::in_folder(folder.path());
        let now = Timestamp::from_unix_ms(0);
        for _ in 0..64 {
            let mut abandoned = Box::pin(file.write(vec![session("a"); 1_000]));
            let mut context = Context::from_waker(Waker::noop());
            let _ = abandoned.as_mut().poll(&mut context);
            drop(abandoned);
            let later = vec![session("b")];
            file.write(later.clone()).await.unwrap();
            assert_eq!(file.read(now).unwrap(), later);
        }
    }
}
