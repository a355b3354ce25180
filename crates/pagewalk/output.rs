//! Files that commands write on the host.

use crate::cli::GuestArgs;
use crate::error::Error;
use crate::run;
use signal_hook::consts::SIGXFSZ;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// Has a file that grows beyond `ulimit -f` fail to be written, with an error as for a full disk. By itself the signal that comes with it
/// would end the process without a word.
pub(crate) fn report_size_limit() -> Result<(), Error> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(|_| ()).map_err(Error::Signal)
}

/// Refuses to write over the program, which is read while it runs.
pub(crate) fn spare_program<'a>(
    guest: &GuestArgs,
    program: &[OsString],
    outputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Error> {
    let programs: Vec<_> = run::host_files(guest, program).iter().filter_map(|path| identity(path)).collect();
    let is_program = |path: &&Path| identity(path).is_some_and(|it| programs.contains(&it));
    match outputs.into_iter().find(is_program) {
        Some(path) => Err(Error::OverProgram { path: path.display().to_string() }),
        None => Ok(()),
    }
}

/// Refuses to write over a file that is read.
pub(crate) fn spare_input(input: &Path, output: &Path) -> Result<(), Error> {
    match identity(input) {
        Some(it) if identity(output) == Some(it) => Err(Error::OverInput { path: output.display().to_string() }),
        _ => Ok(()),
    }
}

/// Refuses a folder where a file is to be written, before anything is done that would be lost.
pub(crate) fn is_no_folder(output: &Path) -> Result<(), Error> {
    match output.is_dir() {
        false => Ok(()),
        true => {
            let cause = io::Error::from(io::ErrorKind::IsADirectory);
            Err(Error::WriteFile { path: output.display().to_string(), cause })
        }
    }
}

/// What two names of one file have in common.
fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|about| (about.dev(), about.ino()))
}
