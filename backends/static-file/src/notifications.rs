//! [`Notifications`]: the operating system tells when something changes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::way::Way;

/// The operating system tells when something changes on a [`Way`].
pub(crate) struct Notifications {
    _watcher: RecommendedWatcher,
    is_stale: Arc<AtomicBool>,
}

impl Notifications {
    /// Sends to `wake` at each change.
    pub(crate) fn of(way: &Arc<Way>, wake: SyncSender<()>) -> notify::Result<Self> {
        let is_stale = Arc::new(AtomicBool::new(false));
        let handler = Handler {
            way: Arc::clone(way),
            is_stale: Arc::clone(&is_stale),
            wake,
        };
        let mut watcher = notify::recommended_watcher(move |event| handler.handle(&event))?;
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
}

impl Handler {
    fn handle(&self, event: &notify::Result<Event>) {
        let matters = match event {
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
