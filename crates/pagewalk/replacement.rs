//! A file that takes the place of another once it is written whole.
//!
//! Invariant: under its name there is the old file, or none, until the new one is complete, with the rights of the old one; one that cannot be completed is
//! removed, unless pagewalk itself is killed meanwhile.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What a new file allows, but for what `umask` takes away.
const RIGHTS: u32 = 0o666;

/// As many bytes are written at once, as traces are long.
const BUFFER: usize = 1 << 18;

/// Puts a file in the place of another, or of none: if that fails, the old one is as it was. What is no regular file, such as a pipe, is
/// written to as it is.
///
/// # Errors
/// The host's, or the writer's own.
pub fn replace<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let path = target(path);
    if !is_replaced(&path) {
        return written(&OpenOptions::new().write(true).open(path)?, write);
    }
    // Who may not write to a file may not replace it either.
    let old = match File::options().write(true).open(&path) {
        Ok(old) => Some(old.metadata()?.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let rights = Permissions::from_mode(RIGHTS);
    let part = tempfile::Builder::new().suffix(".part").permissions(rights).tempfile_in(parent(&path))?;
    if let Some(rights) = old {
        part.as_file().set_permissions(rights)?;
    }
    let value = written(part.as_file(), write)?;
    part.persist(path).map_err(|error| error.error)?;
    Ok(value)
}

fn written<T, E: From<io::Error>>(to: &File, write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>) -> Result<T, E> {
    let mut to = BufWriter::with_capacity(BUFFER, to.try_clone()?);
    let value = write(&mut to)?;
    to.flush()?;
    Ok(value)
}

/// The folder for what is to become a file: the file's own, or that of the host's temporary files if it is no regular file.
#[must_use]
pub fn folder(path: &Path) -> PathBuf {
    let path = target(path);
    if is_replaced(&path) { parent(&path).into() } else { std::env::temp_dir() }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// True of a regular file, and of none.
fn is_replaced(path: &Path) -> bool {
    path.metadata().map_or(true, |about| about.is_file())
}

/// What a name stands for, if it is a link.
fn target(path: &Path) -> PathBuf {
    let behind_link = || Some(parent(path).join(path.read_link().ok()?));
    path.canonicalize().ok().or_else(behind_link).unwrap_or_else(|| path.into())
}
