//! [`Way`]: what a path leads through, so that a change on it is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The symbolic links on a path and what stands at its end.
///
/// A Kubernetes ConfigMap is `sessions.toml -> ..data/sessions.toml` and
/// `..data -> ..2026_01_02`, where only `..data` changes: each link is part of
/// the way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// Free of links themselves, but for the last part.
    steps: BTreeSet<PathBuf>,
    /// The folders of the steps. One that is replaced by another of the same
    /// name is not the same.
    folders: BTreeMap<PathBuf, Option<Identity>>,
}

/// The device and the inode.
type Identity = (u64, u64);

impl Way {
    /// Follows `path` as far as it leads.
    pub(crate) fn of(path: &Path) -> Self {
        // As in the kernel: more is taken for a loop.
        const MAX_LINKS: usize = 40;
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut way = Self::default();
        let mut links = 0;
        // In reverse: what comes next is popped.
        let mut rest = Vec::new();
        push_parts(&path, &mut rest);
        let mut at = PathBuf::new();
        while let Some(part) = rest.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(part);
            match fs::read_link(&next) {
                Ok(target) if links < MAX_LINKS => {
                    links += 1;
                    push_parts(&target, &mut rest);
                    way.step(next);
                }
                // The end, or as far as it leads for now.
                _ if rest.is_empty() || !next.is_dir() => {
                    way.step(next);
                    break;
                }
                _ => at = next,
            }
        }
        way
    }

    fn step(&mut self, step: PathBuf) {
        if let Some(folder) = step.parent() {
            self.folders.insert(folder.to_owned(), identity(folder));
        }
        self.steps.insert(step);
    }

    /// Every folder that a step stands in.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.keys().map(PathBuf::as_path)
    }

    /// Whether a change of `path` can change what the way leads to.
    pub(crate) fn is_touched_by(&self, path: &Path) -> bool {
        self.steps.contains(path) || self.folders.contains_key(path)
    }
}

fn push_parts(path: &Path, rest: &mut Vec<OsString>) {
    let parts = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_owned());
    rest.extend(parts.collect::<Vec<_>>().into_iter().rev());
}

#[cfg(unix)]
fn identity(folder: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(folder)
        .ok()
        .map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_folder: &Path) -> Option<Identity> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_config_map_leads_through_each_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("..1")).unwrap();
        fs::write(root.join("..1/sessions.toml"), "").unwrap();
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/sessions.toml", root.join("sessions.toml")).unwrap();

        let way = Way::of(&root.join("sessions.toml"));
        let steps = ["..1/sessions.toml", "..data", "sessions.toml"].map(|step| root.join(step));
        assert_eq!(way.steps, BTreeSet::from(steps));
        assert!(way.folders().eq([root.clone(), root.join("..1")]));
        assert!(way.is_touched_by(&root.join("..data")));
        assert!(!way.is_touched_by(&root.join("..1/other.toml")));
    }

    #[test]
    fn it_ends_where_the_path_does() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let way = Way::of(&root.join("missing/folder/sessions.toml"));
        assert_eq!(way.steps, BTreeSet::from([root.join("missing")]));

        symlink("loop", root.join("loop")).unwrap();
        let way = Way::of(&root.join("loop/sessions.toml"));
        assert_eq!(way.steps, BTreeSet::from([root.join("loop")]));
    }

    #[test]
    fn another_folder_of_the_same_name_makes_another_way() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a/b", "new/b"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let path = root.join("a/b/sessions.toml");
        let way = Way::of(&path);
        assert_eq!(way, Way::of(&path));
        fs::rename(root.join("a"), root.join("old")).unwrap();
        fs::rename(root.join("new"), root.join("a")).unwrap();
        assert_ne!(way, Way::of(&path));
    }
}
