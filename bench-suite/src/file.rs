//! Files are written whole or not at all.

use std::fs;
use std::io;
use std::path::Path;

/// Writes a file beside its place and then puts it there, so that a full disk leaves neither half a file nor destroys
/// the one that was there. What is no file, like a terminal or a pipe, is written to directly.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return fs::write(path, bytes);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let draft = path.with_file_name(name);
    let written = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}
