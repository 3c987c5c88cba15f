//! A watched file: every kind of change is served, and an invalid file changes
//! nothing.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at the first failure"
)]

mod common;
mod events;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{host, text};
use dcv_resolver_static_file::{StaticFileStore, WatchOptions, Watcher};
use events::{PANICS, events, record_events, wait_until};
use tempfile::TempDir;
use tracing::Level;

/// A folder, and a watched session file somewhere in it.
struct Watched {
    folder: TempDir,
    path: PathBuf,
    store: Arc<StaticFileStore>,
    _watcher: Watcher,
}

fn options() -> WatchOptions {
    WatchOptions::default().poll_interval(Duration::from_millis(50))
}

impl Watched {
    fn file() -> Self {
        Self::file_with(options())
    }

    fn file_with(options: WatchOptions) -> Self {
        Self::with(options, "sessions.toml", |path| {
            fs::write(path, text(0)).unwrap();
        })
    }

    /// `make` creates the file to watch.
    fn with(options: WatchOptions, name: &str, make: impl Fn(&Path)) -> Self {
        record_events();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        make(&path);
        let store = Arc::new(StaticFileStore::load(&path).unwrap());
        let watcher = Watcher::start_with(Arc::clone(&store), options).unwrap();
        Self {
            folder,
            path,
            store,
            _watcher: watcher,
        }
    }

    fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Does `change`, and waits until `version` is served.
    fn expect(&self, version: u32, change: impl FnOnce()) {
        change();
        let changed = Instant::now();
        wait_until(&format!("version {version} is served"), || {
            host(&self.store) == format!("ws-{version}.example")
        });
        println!("version {version} served after {:?}", changed.elapsed());
    }

    fn errors(&self) -> Vec<String> {
        events(&self.path, Level::ERROR)
    }

    fn infos(&self) -> Vec<String> {
        events(&self.path, Level::INFO)
    }
}

/// Where the next file is written, to be renamed over the old one.
fn new(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Replaces a file by a rename.
fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(new(path), content).unwrap();
    fs::rename(new(path), path).unwrap();
}

// Where a file is written in place, errors are not asserted: the writer may be
// descheduled while the file is empty, and that is rightly reported.

#[test]
fn content_written_in_place_is_served() {
    let watched = Watched::file();
    for version in 1..4 {
        watched.expect(version, || fs::write(&watched.path, text(version)).unwrap());
    }
}

#[test]
fn content_renamed_over_is_served() {
    let watched = Watched::file();
    for version in 1..4 {
        watched.expect(version, || put(&watched.path, text(version)));
    }
    assert_eq!(watched.errors(), Vec::<String>::new());
}

#[test]
fn file_deleted_and_created_again_is_served() {
    let watched = Watched::file();
    for version in 1..4 {
        watched.expect(version, || {
            fs::remove_file(&watched.path).unwrap();
            fs::write(&watched.path, text(version)).unwrap();
        });
    }
}

#[test]
fn file_edited_by_sed_is_served() {
    let watched = Watched::file();
    for version in 1..4 {
        watched.expect(version, || {
            let script = format!("s/{}/{version}/", version - 1);
            let sed = Command::new("sed")
                .arg("-i")
                .arg(script)
                .arg(&watched.path)
                .status();
            assert!(sed.unwrap().success());
        });
    }
    assert_eq!(watched.errors(), Vec::<String>::new());
}

/// As the kubelet does it: `sessions.toml -> ..data/sessions.toml`, where
/// `..data` moves from one folder to the next.
fn swap_config_map(folder: &Path, version: u32) {
    let name = format!("..2026_01_02_{version}");
    fs::create_dir(folder.join(&name)).unwrap();
    fs::write(folder.join(&name).join("sessions.toml"), text(version)).unwrap();
    symlink(&name, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    if let Some(old) = version.checked_sub(1) {
        fs::remove_dir_all(folder.join(format!("..2026_01_02_{old}"))).unwrap();
    }
}

#[test]
fn config_map_swap_is_served() {
    let watched = Watched::with(options(), "sessions.toml", |path| {
        swap_config_map(path.parent().unwrap(), 0);
        symlink("..data/sessions.toml", path).unwrap();
    });
    for version in 1..4 {
        watched.expect(version, || swap_config_map(watched.folder.path(), version));
    }
    assert_eq!(watched.errors(), Vec::<String>::new());
}

#[test]
fn change_behind_two_links_is_served() {
    let watched = Watched::with(options(), "sessions.toml", |path| {
        let folder = path.parent().unwrap();
        for name in ["a", "b", "c"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        fs::write(folder.join("c/real.toml"), text(0)).unwrap();
        symlink(folder.join("c/real.toml"), folder.join("b/link")).unwrap();
        symlink("a/../b/link", path).unwrap();
    });
    watched.expect(1, || {
        fs::write(watched.join("c/real.toml"), text(1)).unwrap()
    });
    watched.expect(2, || {
        fs::write(watched.join("a/new"), text(2)).unwrap();
        fs::rename(watched.join("a/new"), watched.join("c/real.toml")).unwrap();
    });
    watched.expect(3, || {
        fs::write(watched.join("a/real.toml"), text(3)).unwrap();
        symlink("../a/real.toml", watched.join("b/new")).unwrap();
        fs::rename(watched.join("b/new"), watched.join("b/link")).unwrap();
    });
    watched.expect(4, || {
        fs::write(watched.join("a/real.toml"), text(4)).unwrap()
    });
    watched.expect(5, || {
        fs::write(watched.join("new"), text(5)).unwrap();
        fs::rename(watched.join("new"), &watched.path).unwrap();
    });
    watched.expect(6, || fs::write(&watched.path, text(6)).unwrap());
}

#[test]
fn file_in_replaced_folder_is_served() {
    let watched = Watched::with(options(), "folder/sessions.toml", |path| {
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path, text(0)).unwrap();
    });
    let folder = watched.join("folder");
    for version in [1, 3] {
        watched.expect(version, || {
            let new = watched.join(&format!("new-{version}"));
            fs::create_dir(&new).unwrap();
            fs::write(new.join("sessions.toml"), text(version)).unwrap();
            fs::rename(&folder, watched.join(&format!("old-{version}"))).unwrap();
            fs::rename(&new, &folder).unwrap();
        });
        watched.expect(version + 1, || {
            fs::write(&watched.path, text(version + 1)).unwrap();
        });
    }
    watched.expect(5, || {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(&watched.path, text(5)).unwrap();
    });
    watched.expect(6, || fs::write(&watched.path, text(6)).unwrap());
}

#[test]
fn file_below_replaced_folder_is_served() {
    let watched = Watched::with(options(), "a/b/sessions.toml", |path| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text(0)).unwrap();
    });
    watched.expect(1, || {
        fs::create_dir_all(watched.join("new/b")).unwrap();
        fs::write(watched.join("new/b/sessions.toml"), text(1)).unwrap();
        fs::rename(watched.join("a"), watched.join("old")).unwrap();
        fs::rename(watched.join("new"), watched.join("a")).unwrap();
    });
}

#[test]
fn file_at_relative_path_is_watched() {
    record_events();
    let folder = tempfile::tempdir().unwrap();
    let here = std::env::current_dir().unwrap();
    // As many levels up as there are, and down again.
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let down = folder.path().strip_prefix("/").unwrap();
    let path = up.join(down).join("sessions.toml");
    assert!(path.is_relative());
    fs::write(&path, text(0)).unwrap();
    let store = Arc::new(StaticFileStore::load(&path).unwrap());
    let _watcher = Watcher::start_with(Arc::clone(&store), options()).unwrap();
    fs::write(&path, text(1)).unwrap();
    wait_until("version 1 is served", || host(&store) == "ws-1.example");
}

#[test]
fn change_between_load_and_watch_is_served() {
    record_events();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    fs::write(&path, text(0)).unwrap();
    let store = Arc::new(StaticFileStore::load(&path).unwrap());
    fs::write(&path, text(1)).unwrap();
    let _watcher = Watcher::start_with(Arc::clone(&store), options()).unwrap();
    wait_until("version 1 is served", || host(&store) == "ws-1.example");
}

#[test]
fn change_of_another_file_or_of_no_byte_is_not_reported() {
    let watched = Watched::file();
    put(&watched.join("other.toml"), text(7));
    put(&watched.path, text(0));
    watched.expect(1, || put(&watched.path, text(1)));
    // It is reported just after it is served.
    wait_until("it is reported", || !watched.infos().is_empty());
    assert_eq!(
        watched.infos(),
        ["the session file has changed: 2 sessions"]
    );
}

type Break = fn(&Path);

/// What may become of a file, none of it valid, and what the error contains.
const INVALID: &[(&str, Break, &str)] = &[
    ("garbage", |path| put(path, "\0\u{1}garbage"), ":1:1: "),
    (
        "empty",
        |path| put(path, ""),
        ":1:1: missing table [sessions]",
    ),
    (
        "truncated",
        |path| put(path, &text(9)[..40]),
        ":1:11: session \"console\" has neither `http_port` nor `quic_port`",
    ),
    (
        "UTF-16",
        |path| put(path, b"\xFF\xFE[\0"),
        ":1:1: this is not UTF-8 text",
    ),
    (
        "with two errors",
        |path| put(path, "[sessions.a]"),
        ":1:11: session \"a\" has neither `http_port` nor `quic_port`",
    ),
    (
        "removed",
        |path| fs::remove_file(path).unwrap(),
        ": there is no such file",
    ),
    (
        "a folder",
        |path| {
            fs::create_dir(new(path)).unwrap();
            fs::remove_file(path).unwrap();
            fs::rename(new(path), path).unwrap();
        },
        ": this is a directory",
    ),
    (
        "a FIFO",
        |path| {
            let status = Command::new("mkfifo").arg(new(path)).status();
            assert!(status.unwrap().success());
            fs::rename(new(path), path).unwrap();
        },
        ": this is a FIFO",
    ),
    (
        "a link to nowhere",
        |path| {
            symlink("nowhere", new(path)).unwrap();
            fs::rename(new(path), path).unwrap();
        },
        ": there is no such file",
    ),
    (
        "a link to itself",
        |path| {
            symlink(path, new(path)).unwrap();
            fs::rename(new(path), path).unwrap();
        },
        ": the file cannot be read: ",
    ),
    (
        "sparse and huge",
        |path| {
            let file = File::create(new(path)).unwrap();
            file.set_len(4 << 30).unwrap();
            fs::rename(new(path), path).unwrap();
        },
        ": the file is larger than 4 MiB",
    ),
];

/// Long enough for the watcher to look several times.
fn let_it_look_again() {
    thread::sleep(Duration::from_millis(500));
}

#[test]
fn invalid_file_changes_nothing_and_is_reported_once() {
    thread::scope(|scope| {
        for (what, break_it, error) in INVALID {
            scope.spawn(move || {
                let watched = Watched::file();
                break_it(&watched.path);
                // On the way there it may be missing for a while.
                let reports = || {
                    let errors = watched.errors();
                    errors.iter().filter(|text| text.contains(error)).count()
                };
                wait_until(&format!("{what} is reported"), || reports() > 0);
                let_it_look_again();
                assert_eq!(reports(), 1, "{what}: {:?}", watched.errors());
                assert_eq!(host(&watched.store), "ws-0.example", "{what}");

                // It may be a file, a directory or nothing.
                let _ = fs::remove_file(&watched.path).or_else(|_| fs::remove_dir(&watched.path));
                watched.expect(1, || fs::write(&watched.path, text(1)).unwrap());
                wait_until(&format!("{what} is repaired"), || {
                    !watched.infos().is_empty()
                });
                assert_eq!(
                    watched.infos(),
                    ["the session file is valid again: 2 sessions"],
                    "{what}"
                );
            });
        }
    });
}

#[test]
fn each_invalid_content_is_reported_with_all_diagnostics() {
    let watched = Watched::file();
    for count in 1..4 {
        put(&watched.path, format!("[sessions.a{count}]\n[sessions.b]"));
        wait_until("it is reported", || watched.errors().len() == count);
    }
    for error in watched.errors() {
        assert_eq!(error.lines().count(), 4, "{error}");
    }
    // Back to what is still served: nothing to swap, but something to report.
    put(&watched.path, text(0));
    wait_until("it is valid again", || {
        watched.infos() == ["the session file is valid again: 2 sessions"]
    });
}

/// Rewrites the file a thousand times without a pause, and checks meanwhile
/// that what is served is whole.
fn rewrite_a_thousand_times(watched: &Watched, write: impl Fn(u32) + Sync) {
    const VERSIONS: u32 = 1_000;
    thread::scope(|scope| {
        let writer = scope.spawn(|| (1..=VERSIONS).for_each(&write));
        while !writer.is_finished() {
            host(&watched.store);
            assert_eq!(watched.store.session_count(), 2);
            thread::yield_now();
        }
    });
    watched.expect(VERSIONS, || ());
}

#[test]
fn thousand_renames_are_never_torn_and_the_last_wins() {
    let watched = Watched::file();
    rewrite_a_thousand_times(&watched, |version| put(&watched.path, text(version)));
    assert_eq!(watched.errors(), Vec::<String>::new());
}

#[test]
fn thousand_writes_in_place_are_never_torn_and_the_last_wins() {
    let watched = Watched::file();
    rewrite_a_thousand_times(&watched, |version| {
        // Cut within a table: its beginning alone would not be valid.
        let text = text(version);
        let (first, second) = text.split_at(text.len() - 30);
        let mut file = File::create(&watched.path).unwrap();
        file.write_all(first.as_bytes()).unwrap();
        file.write_all(second.as_bytes()).unwrap();
    });
}

#[test]
fn renames_without_a_pause_are_served_all_the_same() {
    let watched = Watched::file();
    let began = Instant::now();
    let mut version = 0;
    while host(&watched.store) == "ws-0.example" {
        assert!(began.elapsed() < Duration::from_secs(10), "not yet");
        version += 1;
        put(&watched.path, text(version));
        thread::sleep(Duration::from_millis(5));
    }
}

/// Each part of it is a valid file.
#[test]
fn slow_write_in_place_is_not_served_before_it_is_whole() {
    const SESSIONS: usize = 150;
    let watched = Watched::file();
    // The writer may be descheduled until the file is quiet for the watcher
    // too: then nothing can be asserted, and it writes once more.
    for _ in 0..20 {
        put(&watched.path, "[sessions]\n");
        wait_until("it is empty", || watched.store.session_count() == 0);
        let mut file = File::options().append(true).open(&watched.path).unwrap();
        let mut longest = Duration::ZERO;
        let mut served = Vec::new();
        let mut began = Instant::now();
        for id in 0..SESSIONS {
            let session = format!("[sessions.s{id}]\nhost = 'ws.example'\nhttp_port = 1\n");
            let before = std::mem::replace(&mut began, Instant::now());
            file.write_all(session.as_bytes()).unwrap();
            longest = longest.max(before.elapsed());
            served.push(watched.store.session_count());
            thread::sleep(Duration::from_millis(10));
        }
        wait_until("it is whole", || watched.store.session_count() == SESSIONS);
        if longest < Duration::from_millis(90) {
            served.dedup();
            assert_eq!(served, [0]);
            return;
        }
    }
    panic!("the machine is too busy to write evenly");
}

#[test]
fn panic_during_reload_is_logged_and_does_not_end_the_watch() {
    let watched = Watched::with(options(), PANICS, |path| fs::write(path, text(0)).unwrap());
    for version in 1..4 {
        watched.expect(version, || put(&watched.path, text(version)));
    }
    wait_until("it is logged", || !watched.errors().is_empty());
    let error = &watched.errors()[0];
    assert!(error.contains("caused a panic"), "{error}");
}

/// The results that the hook gets, in short.
fn hooked(options: WatchOptions) -> (WatchOptions, mpsc::Receiver<String>) {
    let (send, results) = mpsc::channel();
    let options = options.on_reload(move |result| {
        let short = match result {
            Ok(reload) => format!("{reload:?}"),
            Err(error) => format!("{} diagnostics", error.diagnostics().len()),
        };
        send.send(short).unwrap();
    });
    (options, results)
}

#[test]
fn hook_gets_each_reported_result_once() {
    const REPLACED: &str = "Replaced";
    let (options, results) = hooked(options());
    let watched = Watched::file_with(options);
    for (content, expected) in [
        (text(1), REPLACED),
        ("[sessions.a]".to_owned(), "2 diagnostics"),
        ("[sessions.a]\n[sessions.b]".to_owned(), "4 diagnostics"),
        // What is still served.
        (text(1), "Unchanged"),
        (text(2), REPLACED),
    ] {
        put(&watched.path, &content);
        let result = results.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(result, expected, "{content}");
        // The same again is not reported.
        put(&watched.path, &content);
        let_it_look_again();
    }
    // It was served before the hook was called.
    assert_eq!(host(&watched.store), "ws-2.example");

    fs::remove_file(&watched.path).unwrap();
    let result = results.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(result, "0 diagnostics");
    let_it_look_again();
    assert_eq!(results.try_recv().ok(), None);
}

#[test]
fn panic_in_hook_does_not_end_the_watch() {
    let watched = Watched::file_with(options().on_reload(|_| panic!("as the test asks for")));
    for version in 1..4 {
        watched.expect(version, || put(&watched.path, text(version)));
    }
    wait_until("it is logged", || !watched.errors().is_empty());
}

#[test]
fn dropping_the_watcher_ends_its_thread() {
    let watched = Watched::file();
    let Watched {
        store,
        _watcher: watcher,
        path,
        folder: _folder,
    } = watched;
    assert_eq!(Arc::strong_count(&store), 2);
    let began = Instant::now();
    drop(watcher);
    println!("joined after {:?}", began.elapsed());
    // The thread held the other one.
    assert_eq!(Arc::strong_count(&store), 1);
    fs::write(&path, text(1)).unwrap();
    let_it_look_again();
    assert_eq!(host(&store), "ws-0.example");
}

/// `/proc/…/fd` leads to a deleted file as a container's mount of a single file
/// does.
#[cfg(target_os = "linux")]
#[test]
fn file_that_was_replaced_outside_of_its_mount_is_warned_of() {
    use std::os::fd::AsRawFd;

    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside.toml");
    fs::write(&outside, text(0)).unwrap();
    let mounted = File::open(&outside).unwrap();
    let fd = format!("/proc/self/fd/{}", mounted.as_raw_fd());
    let watched = Watched::with(options(), "sessions.toml", |path| {
        symlink(&fd, path).unwrap();
    });
    fs::remove_file(&outside).unwrap();
    let warned = || events(&watched.path, Level::WARN);
    wait_until("the warning", || !warned().is_empty());
    assert!(
        warned()[0].contains("mount the folder"),
        "{warned:?}",
        warned = warned()
    );
}
