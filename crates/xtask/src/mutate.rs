//! Deliberate mistakes in the kernel layer and the MMU, each of which a fault trace has to tell of, in the words that its patch foretells.
//!
//! A patch in `crates/xtask/mutations` says above its first hunk what is wrong with it, then `golden: FILE`, the trace that shows it, and
//! `expect: TEXT`, a line of what `pagewalk trace check` says. It is applied to a copy of the tree, which is built and checked.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use thiserror::Error;

/// Where the patches are in the workspace.
pub const MUTATIONS: &str = "crates/xtask/mutations";
/// Where the copy is, and what is built of it.
const COPY: &str = "target/mutants";

/// A deliberate mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The patch's name.
    pub name: String,
    /// The trace that shows it.
    pub golden: String,
    /// What is said of it.
    pub expect: String,
    /// What is changed.
    pub hunks: Vec<Hunk>,
    path: PathBuf,
}

/// A stretch of a file that a patch changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// The file.
    pub file: String,
    /// The lines that have to be there.
    pub old: Vec<String>,
}

/// What became of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The trace told of it as foretold.
    Noticed,
    /// It did not; this is what it said.
    Missed(String),
}

/// Why a mutation cannot be judged.
#[derive(Debug, Error)]
pub enum MutateError {
    /// A file cannot be used.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// A patch says too little.
    #[error("{0}: it has no line `{1}`")]
    Header(String, &'static str),
    /// A command has failed.
    #[error("{command} has failed: {said}")]
    Command {
        /// Which.
        command: String,
        /// What it said.
        said: String,
    },
}

/// All mutations, by name.
///
/// # Errors
/// [`MutateError`] for a patch that cannot be read or says too little.
pub fn all(root: &Path) -> Result<Vec<Mutation>, MutateError> {
    let folder = root.join(MUTATIONS);
    let failed = |error| MutateError::File(folder.clone(), error);
    let mut paths = fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>())
        .map_err(failed)?;
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Result<Mutation, MutateError> {
    let text = fs::read_to_string(&path).map_err(|error| MutateError::File(path.clone(), error))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let header = text.lines().take_while(|line| !line.starts_with("--- "));
    let value = |key: &'static str| {
        let found = header.clone().find_map(|line| line.strip_prefix(key));
        found.map(|value| value.trim().to_owned()).ok_or_else(|| MutateError::Header(name.clone(), key))
    };
    let (golden, expect) = (value("golden:")?, value("expect:")?);
    Ok(Mutation { golden, expect, hunks: hunks(&text), name, path })
}

fn hunks(text: &str) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut file = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("+++ b/") {
            name.clone_into(&mut file);
        } else if line.starts_with("@@ ") {
            hunks.push(Hunk { file: file.clone(), old: Vec::new() });
        } else if let (Some(hunk), Some(old)) = (hunks.last_mut(), line.strip_prefix([' ', '-']))
            && !line.starts_with("--- ")
        {
            hunk.old.push(old.to_owned());
        }
    }
    hunks
}

/// A copy of the tree to be changed.
pub struct Copy {
    tree: PathBuf,
    built: PathBuf,
}

impl Copy {
    /// Copies all files that are in the repository. What was built of an earlier copy is used again.
    ///
    /// # Errors
    /// [`MutateError`].
    pub fn make(root: &Path) -> Result<Self, MutateError> {
        let (tree, built) = (root.join(COPY).join("tree"), root.join(COPY).join("built"));
        let listed = run(Command::new("git").args(["ls-files", "-z"]).current_dir(root))?;
        let names: BTreeSet<PathBuf> = listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
        remove_others(&tree, &tree, &names).map_err(|error| MutateError::File(tree.clone(), error))?;
        for name in &names {
            let (from, to) = (root.join(name), tree.join(name));
            let failed = |error| MutateError::File(to.clone(), error);
            let bytes = match fs::read(&from) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // deleted, and not committed yet
                Err(error) => return Err(MutateError::File(from, error)),
            };
            // A file that did not change keeps its time, so that it is not built again.
            if fs::read(&to).is_ok_and(|there| there == bytes) {
                continue;
            }
            fs::create_dir_all(to.parent().unwrap_or(&tree)).map_err(failed)?;
            fs::copy(&from, &to).map_err(failed)?;
        }
        Ok(Self { tree, built })
    }

    /// Makes a mistake in the copy, and holds its trace against the golden one.
    ///
    /// # Errors
    /// [`MutateError`] if the patch does not fit or what it makes does not compile.
    pub fn judge(&self, mutation: &Mutation) -> Result<Verdict, MutateError> {
        self.apply(mutation, &[])?;
        let said = self.build(mutation).and_then(|()| self.check(mutation));
        self.apply(mutation, &["--reverse"])?;
        let said = said?;
        let noticed = said.lines().any(|line| line.trim() == mutation.expect);
        Ok(if noticed { Verdict::Noticed } else { Verdict::Missed(said) })
    }

    fn apply(&self, mutation: &Mutation, options: &[&str]) -> Result<(), MutateError> {
        let mut git = Command::new("git");
        // The copy lies within the repository, whose own files are not meant.
        git.args(["apply", "--whitespace=nowarn"]).args(options).arg(&mutation.path).current_dir(&self.tree);
        run(git.env("GIT_CEILING_DIRECTORIES", self.tree.parent().unwrap_or(&self.tree))).map(drop)
    }

    /// Builds what the patch has changed. Cargo goes by the times of files, which a host's clock can confuse: what was built before would be
    /// judged in its place.
    fn build(&self, mutation: &Mutation) -> Result<(), MutateError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--locked", "--quiet"]).current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.built);
        let before = self.built_at();
        run(&mut build)?;
        if self.built_at() == before {
            mutation.hunks.iter().try_for_each(|hunk| touch(&self.tree.join(&hunk.file)))?;
            run(&mut build)?;
        }
        Ok(())
    }

    fn program(&self) -> PathBuf {
        self.built.join("debug/pagewalk")
    }

    fn built_at(&self) -> Option<SystemTime> {
        fs::metadata(self.program()).and_then(|about| about.modified()).ok()
    }

    fn check(&self, mutation: &Mutation) -> Result<String, MutateError> {
        let mut check = Command::new(self.program());
        check.args(["trace", "check", &mutation.golden]).current_dir(&self.tree);
        let output = check.output().map_err(|error| MutateError::File(self.built.clone(), error))?;
        Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }
}

/// Removes the files that an earlier copy had and this one has not.
fn remove_others(tree: &Path, folder: &Path, names: &BTreeSet<PathBuf>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_others(tree, &path, names)?;
        } else if path.strip_prefix(tree).is_ok_and(|name| !names.contains(name)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Has a file changed just now.
fn touch(path: &Path) -> Result<(), MutateError> {
    let touched = fs::File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
    touched.map_err(|error| MutateError::File(path.into(), error))
}

/// What a command prints that goes well.
fn run(command: &mut Command) -> Result<String, MutateError> {
    let (status, said) = match command.output() {
        Ok(output) if output.status.success() => return Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => (output.status.to_string(), String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => (String::new(), error.to_string()),
    };
    Err(MutateError::Command { command: format!("{command:?}"), said: format!("{status} {said}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A patch that does not fit any more, or names a trace that is gone, would show nothing.
    #[test]
    fn every_mutation_fits_the_tree() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let all = all(&root).expect("they say what they have to");
        assert!(!all.is_empty());
        for mutation in all {
            assert!(root.join(&mutation.golden).exists(), "{}: {}", mutation.name, mutation.golden);
            assert!(!mutation.expect.is_empty() && !mutation.hunks.is_empty(), "{}", mutation.name);
            for hunk in &mutation.hunks {
                let file = fs::read_to_string(root.join(&hunk.file)).expect("the file is there");
                let lines: Vec<&str> = file.lines().collect();
                let fits = lines.windows(hunk.old.len()).any(|window| window == hunk.old);
                assert!(fits, "{}: {}:\n{}", mutation.name, hunk.file, hunk.old.join("\n"));
            }
        }
    }
}
