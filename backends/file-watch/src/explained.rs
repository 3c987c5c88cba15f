//! [`explained`]: an error of the operating system, with what to do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

/// An error, and what it means for a file that someone named in a setting.
#[derive(Debug)]
struct Explained {
    meaning: String,
    source: io::Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.meaning)
    }
}

impl Error for Explained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Returns an error of the same kind that says why the file at `path` cannot be
/// opened, and what to do. Other errors stay as they are.
pub(crate) fn explained(path: &Path, source: io::Error) -> io::Error {
    let meaning = match source.kind() {
        io::ErrorKind::NotFound => missing(path),
        io::ErrorKind::PermissionDenied => {
            "permission denied; let the user of this process read the file and enter its directories"
                .to_owned()
        }
        _ => return source,
    };
    io::Error::new(source.kind(), Explained { meaning, source })
}

fn missing(path: &Path) -> String {
    if let Ok(target) = path.read_link() {
        return format!(
            "it is a symbolic link to {}, and there is no such file; create that file, or correct the link",
            target.display()
        );
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => format!(
            "there is no directory {}; create it and the file, or correct the path",
            parent.display()
        ),
        _ => "there is no such file; create it, or correct the path".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::open;

    #[test]
    fn missing_file_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let gone = path("gone/file");
        let no_folder = format!(
            "there is no directory {}; create it and the file, or correct the path",
            path("gone").display()
        );
        for (path, expected) in [
            (
                path("file"),
                "there is no such file; create it, or correct the path",
            ),
            (gone, &*no_folder),
        ] {
            let error = open(path).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            assert_eq!(error.to_string(), expected);
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
            let error = open(path("link")).unwrap_err().to_string();
            assert!(
                error.starts_with("it is a symbolic link to nowhere, and there is no such file"),
                "{error}"
            );
        }
    }
}
