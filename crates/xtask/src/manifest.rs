//! The workspace as the layering check sees it: crates by folder name, their normal dependencies on one another, and
//! what each crate root says about unsafe code.
//!
//! Read from the `Cargo.toml` files rather than from `cargo metadata`, whose answer is JSON and needs a parser more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// All crates in `crates/`, by folder name.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The crates by folder name, which is also the name the others use for them.
    pub crates: BTreeMap<String, Crate>,
}

/// One crate of the workspace.
#[derive(Debug, Default)]
pub struct Crate {
    /// The crates of this workspace that it depends on directly, by folder name. Development and build dependencies
    /// do not count: they are not part of the program.
    pub dependencies: BTreeSet<String>,
    /// Its crate roots, relative to the workspace, each with the text's stance on unsafe code.
    pub roots: Vec<(PathBuf, UnsafeCode)>,
}

/// What a crate root says about unsafe code, from weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnsafeCode {
    /// Nothing.
    Allowed,
    /// `#![deny(unsafe_code)]`: a module may still allow it for itself.
    Denied,
    /// `#![forbid(unsafe_code)]`: nothing below may allow it.
    Forbidden,
}

impl UnsafeCode {
    /// The stance of a crate root's text: an attribute counts only on a line of its own.
    pub fn of(text: &str) -> Self {
        let has = |attribute: &str| text.lines().any(|line| line.trim() == attribute);
        if has("#![forbid(unsafe_code)]") {
            UnsafeCode::Forbidden
        } else if has("#![deny(unsafe_code)]") {
            UnsafeCode::Denied
        } else {
            UnsafeCode::Allowed
        }
    }
}

/// A file of the workspace that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file or folder could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not a valid manifest: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        source: Box<toml::de::Error>,
    },
}

/// Reads all crates below `crates/` of the workspace at `root`.
pub fn read_workspace(root: &Path) -> Result<Workspace, ManifestError> {
    let shared = read_manifest(&root.join("Cargo.toml"))?
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    let mut workspace = Workspace::default();
    for folder in subfolders(&root.join("crates"))? {
        let roots = read_roots(root, &folder)?;
        let manifest = folder.join("Cargo.toml");
        // The facade's folder has no manifest (it is the root package), and a folder may be about to be filled.
        let dependencies = if manifest.exists() {
            workspace_dependencies(&read_manifest(&manifest)?, &shared)
        } else if roots.is_empty() {
            continue;
        } else {
            BTreeSet::new()
        };
        let name = last_component(&folder);
        workspace.crates.insert(name, Crate { dependencies, roots });
    }
    Ok(workspace)
}

/// The folders in `parent`, in order of name.
fn subfolders(parent: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let unreadable = |source| ManifestError::Read { path: parent.to_path_buf(), source };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(parent).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The crate roots of a folder: a library's, a program's, and those of further programs.
fn read_roots(workspace: &Path, folder: &Path) -> Result<Vec<(PathBuf, UnsafeCode)>, ManifestError> {
    let mut paths: Vec<PathBuf> = ["lib.rs", "main.rs", "src/lib.rs", "src/main.rs"]
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| path.is_file())
        .collect();
    if let Ok(programs) = std::fs::read_dir(folder.join("src/bin")) {
        paths.extend(
            programs
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "rs")),
        );
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let stance = UnsafeCode::of(&read(&path)?);
            let relative = path.strip_prefix(workspace).unwrap_or(&path);
            Ok((relative.to_path_buf(), stance))
        })
        .collect()
}

/// The normal dependencies of a manifest that lie in this workspace, for any target.
fn workspace_dependencies(manifest: &Table, shared: &Table) -> BTreeSet<String> {
    let plain = manifest.get("dependencies");
    let by_target = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values)
        .filter_map(|target| target.get("dependencies"));
    plain
        .into_iter()
        .chain(by_target)
        .filter_map(Value::as_table)
        .flatten()
        .filter_map(|(key, entry)| crate_folder(key, entry, shared))
        .collect()
}

/// The folder of the crate that a dependency names, if it lies in this workspace: only then it has a path, be it its
/// own or the one the workspace gives. The key is not used, since a crate may be renamed.
fn crate_folder(key: &str, entry: &Value, shared: &Table) -> Option<String> {
    let inherited = entry.get("workspace").and_then(Value::as_bool) == Some(true);
    let entry = if inherited { shared.get(key)? } else { entry };
    let path = entry.get("path")?.as_str()?;
    Some(last_component(Path::new(path)))
}

/// The last component of a path as text.
fn last_component(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads one manifest.
fn read_manifest(path: &Path) -> Result<Table, ManifestError> {
    read(path)?.parse().map_err(|source| ManifestError::Parse { path: path.to_path_buf(), source: Box::new(source) })
}

/// Reads one text file.
fn read(path: &Path) -> Result<String, ManifestError> {
    std::fs::read_to_string(path).map_err(|source| ManifestError::Read { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The workspace dependencies of a manifest, where the workspace knows `mmu` and, under another name, `kernel`.
    fn dependencies(manifest: &str) -> Vec<String> {
        let shared: Table =
            "mmu = { path = 'crates/mmu' }\nlinux = { path = 'crates/kernel' }\nlibc = '0.2'".parse().unwrap();
        workspace_dependencies(&manifest.parse().unwrap(), &shared).into_iter().collect()
    }

    #[test]
    fn dependencies_are_found_whatever_their_form() {
        assert_eq!(dependencies("[dependencies]\nmmu = { workspace = true }\nlibc.workspace = true"), ["mmu"]);
        assert_eq!(dependencies("[dependencies.mmu]\nworkspace = true"), ["mmu"]);
        assert_eq!(dependencies("[dependencies]\nx = { path = '../cpu', package = 'y' }"), ["cpu"]);
        assert_eq!(dependencies("[dependencies]\nlinux.workspace = true"), ["kernel"]);
        assert_eq!(dependencies("[target.'cfg(unix)'.dependencies]\nmmu.workspace = true"), ["mmu"]);
    }

    #[test]
    fn only_normal_dependencies_in_the_workspace_count() {
        assert!(dependencies("[dev-dependencies]\nmmu.workspace = true").is_empty());
        assert!(dependencies("[build-dependencies]\nmmu.workspace = true").is_empty());
        assert!(dependencies("[dependencies]\ntoml = '1'\nlibc.workspace = true").is_empty());
    }

    #[test]
    fn an_attribute_counts_only_on_a_line_of_its_own() {
        assert_eq!(UnsafeCode::of("//! x\n#![forbid(unsafe_code)]\n"), UnsafeCode::Forbidden);
        assert_eq!(UnsafeCode::of("  #![deny(unsafe_code)]"), UnsafeCode::Denied);
        assert_eq!(UnsafeCode::of("// #![forbid(unsafe_code)]"), UnsafeCode::Allowed);
    }
}
