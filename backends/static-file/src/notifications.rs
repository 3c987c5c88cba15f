//! [`Notifications`]: the operating system tells when something changes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::way::Way;

/// How long nobody listens when another file in the folder is written again and
/// again.
///
/// A log that lies beside the session file would wake this process for each of
/// its lines, which costs more than to write the line. While nobody listens,
/// the operating system makes one event of those that say the same.
const REST: Duration = Duration::from_millis(50);

/// The operating system tells when something changes on a [`Way`].
pub(crate) struct Notifications {
    _watcher: RecommendedWatcher,
    is_stale: Arc<AtomicBool>,
}

impl Notifications {
    /// Sends to `wake` at each change.
    pub(crate) fn of(way: &Arc<Way>, wake: SyncSender<()>) -> notify::Result<Self> {
        let is_stale = Arc::new(AtomicBool::new(false));
        let mut handler = Handler {
            way: Arc::clone(way),
            is_stale: Arc::clone(&is_stale),
            wake,
            other: None,
        };
        let mut watcher = notify::recommended_watcher(move |event| {
            if handler.handle(event) {
                thread::sleep(REST);
            }
        })?;
        for folder in way.folders() {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self {
            _watcher: watcher,
            is_stale,
        })
    }

    /// Whether a folder is no longer where it was: one of the same name, even
    /// with the same inode number, would not be watched.
    pub(crate) fn are_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }
}

struct Handler {
    way: Arc<Way>,
    is_stale: Arc<AtomicBool>,
    wake: SyncSender<()>,
    /// The last event, where it did not matter.
    other: Option<Event>,
}

impl Handler {
    /// Says whether to rest: the event does not matter, and is the same again.
    fn handle(&mut self, event: notify::Result<Event>) -> bool {
        let matters = match &event {
            Ok(event) => {
                if is_departure(event.kind) && event.paths.iter().any(|path| self.is_folder(path)) {
                    self.is_stale.store(true, Ordering::Release);
                }
                is_change(event.kind)
                    && (event.need_rescan()
                        || event.paths.iter().any(|path| self.way.is_touched_by(path)))
            }
            // Events may have been lost.
            Err(_) => true,
        };
        if matters {
            // A signal that waits already says the same.
            let _ = self.wake.try_send(());
        }
        let other = event.ok().filter(|_| !matters);
        let is_same = other.is_some() && other == self.other;
        self.other = other;
        is_same
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.way.folders().any(|folder| folder == path)
    }
}

/// Reading the file is no change of it, and we do so ourselves.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn is_departure(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use notify::event::{CreateKind, DataChange, MetadataKind, RemoveKind, RenameMode};

    use super::*;

    fn handler(file: &Path, wake: SyncSender<()>) -> Handler {
        Handler {
            way: Arc::new(Way::of(file)),
            is_stale: Arc::default(),
            wake,
            other: None,
        }
    }

    #[test]
    fn what_matters_wakes_and_a_folder_that_departs_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let file = root.join("sessions.toml");
        let other = root.join("other.toml");

        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let moved = EventKind::Modify(ModifyKind::Name(RenameMode::From));
        let touched = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        for (kind, path, wakes, is_stale) in [
            (EventKind::Create(CreateKind::File), &file, true, false),
            (EventKind::Remove(RemoveKind::File), &file, true, false),
            (data, &file, true, false),
            (moved, &file, true, false),
            (written, &file, true, false),
            (opened, &file, false, false),
            (data, &other, false, false),
            (EventKind::Remove(RemoveKind::File), &other, false, false),
            (touched, &root, true, false),
            (moved, &root, true, true),
            (EventKind::Remove(RemoveKind::Folder), &root, true, true),
        ] {
            let (wake, woken) = sync_channel(1);
            let mut handler = handler(&file, wake);
            handler.handle(Ok(Event::new(kind).add_path(path.clone())));
            assert_eq!(woken.try_recv().is_ok(), wakes, "{kind:?} {path:?}");
            let stale = handler.is_stale.load(Ordering::Acquire);
            assert_eq!(stale, is_stale, "{kind:?} {path:?}");
        }
    }

    #[test]
    fn only_what_another_file_says_again_and_again_is_rested_from() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let written = |name: &str| {
            let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
            Ok(Event::new(data).add_path(root.join(name)))
        };
        let (wake, _woken) = sync_channel(1);
        let mut handler = handler(&root.join("sessions.toml"), wake);
        for (name, rests) in [
            ("log.json", false),
            ("log.json", true),
            ("log.json", true),
            ("other.json", false),
            ("log.json", false),
            ("sessions.toml", false),
            ("sessions.toml", false),
            ("log.json", false),
            ("log.json", true),
        ] {
            assert_eq!(handler.handle(written(name)), rests, "{name}");
        }
        for _ in 0..2 {
            assert!(!handler.handle(Err(notify::Error::generic("events were lost"))));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_watched_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let way = Arc::new(Way::of(&folder.path().join("sessions.toml")));
        drop(folder);
        let (wake, _woken) = sync_channel(1);
        assert!(Notifications::of(&way, wake).is_err());
    }
}
