//! Where shells work: a PATH of links to one static busybox, so that no dynamically linked program is met, and a folder
//! of input files that is new for each run, since scripts change files.

use crate::busybox::is_static;
use crate::compare::{Invocation, Lines, find_program};
use crate::inputs;
use libtest_mimic::Failed;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The folder with the links, and busybox itself.
pub(crate) struct Workshop {
    tools: TempDir,
    busybox: Option<PathBuf>,
}

impl Workshop {
    pub(crate) fn open() -> Workshop {
        let tools = tempfile::Builder::new().prefix("pagewalk-tools").tempdir().expect("a temporary folder");
        let busybox = find_program("busybox").filter(|program| is_static(program));
        if let Some(program) = &busybox {
            link_applets(program, tools.path()).expect("busybox lists its applets");
        }
        Workshop { tools, busybox }
    }

    /// The static busybox, which every trial here needs.
    pub(crate) fn busybox(&self) -> Option<&Path> {
        self.busybox.as_deref()
    }

    /// The PATH that has only busybox's applets.
    pub(crate) fn path(&self) -> &OsStr {
        self.tools.path().as_os_str()
    }

    /// Runs a shell natively and under pagewalk, each time in the same folder with fresh inputs.
    pub(crate) fn check(&self, shell: &Path, args: &[&str], stdin: Option<&str>) -> Result<(), Failed> {
        let scratch = tempfile::Builder::new().prefix("pagewalk-work").tempdir()?;
        let work = scratch.path().join("work");
        let renew = || renew(&work);
        renew()?;
        let command = Invocation { program: shell, args, cwd: &work, stdin, lines: Lines::Ordered, path: self.path() };
        command.check_after(renew)
    }
}

fn link_applets(busybox: &Path, dir: &Path) -> io::Result<()> {
    let applets = Command::new(busybox).arg("--list").output()?;
    for applet in String::from_utf8_lossy(&applets.stdout).lines() {
        std::os::unix::fs::symlink(busybox, dir.join(applet))?;
    }
    Ok(())
}

fn renew(work: &Path) -> io::Result<()> {
    if work.exists() {
        fs::remove_dir_all(work)?;
    }
    fs::create_dir(work)?;
    inputs::fill(work)
}
