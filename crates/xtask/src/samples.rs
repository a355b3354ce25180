//! Builds the programs in `elf-samples` so that the same tools give the same bytes.
//!
//! gcc runs inside `elf-samples` with relative paths, so no path of the machine gets into a file; what a distribution
//! may turn on by default (position-independent code, stack protection, CET) is turned off by name.

use crate::toolchain::{self, Toolchain, ToolchainError};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The samples' folder in the workspace.
pub const SAMPLES_FOLDER: &str = "elf-samples";

/// The file beside the samples that names the tools they were built with.
const TOOLCHAIN_FILE: &str = "toolchain.txt";

/// The source that all samples share; it is no sample.
const RUNTIME: &str = "rt";

/// For every sample: the language, the x86-64 baseline, no C library, and no addition of the compiler's or linker's
/// own that would change with a distribution.
const FLAGS: &[&str] = &[
    "-std=gnu17",
    "-O2",
    "-g0",
    "-march=x86-64",
    "-mtune=generic",
    "-Wall",
    "-Wextra",
    "-ffreestanding",
    "-nostdlib",
    "-ffile-prefix-map=./=",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fno-stack-protector",
    "-fno-stack-clash-protection",
    "-fcf-protection=none",
    "-fno-ident",
    // sqrt becomes one instruction.
    "-fno-math-errno",
    // Functions keep their names in the symbol table (no `.isra.0`).
    "-fno-ipa-sra",
    // memcpy and memset must not be compiled into calls of themselves.
    "-fno-tree-loop-distribute-patterns",
    // What a sample does not use of the runtime is dropped.
    "-ffunction-sections",
    "-fdata-sections",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,-z,separate-code",
    "-Wl,-z,max-page-size=4096",
    "-Wa,-mx86-used-note=no",
];

/// For a program at a fixed address.
const FIXED_FLAGS: &[&str] = &["-fno-pie", "-no-pie", "-static"];

/// For a static position-independent executable, which a sample asks for by a name that ends in `-pie`.
const PIE_FLAGS: &[&str] = &["-fpie", "-static-pie"];

/// A program as it was just built.
#[derive(Debug)]
pub struct Sample {
    /// Its name: the source is `src/NAME.c`, the program `NAME`.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// How a rebuilt program compares with the committed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same bytes.
    Same,
    /// Other bytes.
    Differs,
    /// There is no committed file.
    Missing,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Comparison::Same => "same",
            Comparison::Differs => "DIFFERS",
            Comparison::Missing => "MISSING",
        })
    }
}

/// Why the samples could not be built or installed.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The compiler's doing.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Adds the path to an error of the file system.
fn at(path: &Path) -> impl FnOnce(io::Error) -> SamplesError {
    let path = path.to_path_buf();
    move |source| SamplesError::File { path, source }
}

/// The names of all samples, sorted: every C source but the runtime.
pub fn names(folder: &Path) -> Result<Vec<String>, SamplesError> {
    let sources = folder.join("src");
    let mut names = Vec::new();
    for entry in fs::read_dir(&sources).map_err(at(&sources))? {
        let path = entry.map_err(at(&sources))?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.extension().is_some_and(|extension| extension == "c") && name != RUNTIME {
            names.push(name.into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Builds all samples without touching the committed ones.
pub fn build_all(folder: &Path, cc: &str) -> Result<Vec<Sample>, SamplesError> {
    let scratch = Scratch::new()?;
    names(folder)?.into_iter().map(|name| build(folder, cc, name, &scratch.0)).collect()
}

/// Builds one sample into the scratch folder and reads it back.
fn build(folder: &Path, cc: &str, name: String, scratch: &Path) -> Result<Sample, SamplesError> {
    let output = scratch.join(&name);
    let kind = if name.ends_with("-pie") { PIE_FLAGS } else { FIXED_FLAGS };
    let told = toolchain::run(
        Command::new(cc)
            .current_dir(folder)
            .env("LC_ALL", "C")
            .args(FLAGS)
            .args(kind)
            .arg("-o")
            .arg(&output)
            .arg(format!("src/{name}.c"))
            .arg(format!("src/{RUNTIME}.c")),
    )?;
    // Another gcc may warn where this one does not; that is no reason to stop, but must be seen.
    eprint!("{}", String::from_utf8_lossy(&told.stderr));
    let bytes = fs::read(&output).map_err(at(&output))?;
    Ok(Sample { name, bytes })
}

/// Compares the rebuilt samples with the committed files.
pub fn compare(folder: &Path, built: &[Sample]) -> Vec<(String, Comparison)> {
    built
        .iter()
        .map(|sample| {
            let result = match fs::read(folder.join(&sample.name)) {
                Ok(bytes) if bytes == sample.bytes => Comparison::Same,
                Ok(_) => Comparison::Differs,
                Err(_) => Comparison::Missing,
            };
            (sample.name.clone(), result)
        })
        .collect()
}

/// The tools that the committed samples were built with.
pub fn recorded_toolchain(folder: &Path) -> Result<Toolchain, SamplesError> {
    let path = folder.join(TOOLCHAIN_FILE);
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    Ok(Toolchain::from_text(&text))
}

/// Writes the samples and the record of the tools.
pub fn install(folder: &Path, built: &[Sample], tools: &Toolchain) -> Result<(), SamplesError> {
    for sample in built {
        let path = folder.join(&sample.name);
        write_program(&path, &sample.bytes).map_err(at(&path))?;
    }
    let record = folder.join(TOOLCHAIN_FILE);
    fs::write(&record, tools.to_text()).map_err(at(&record))
}

/// Writes an executable file. The old one is removed first: a program that is running cannot be written to.
fn write_program(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::write(path, bytes)?,
    }
    make_executable(path)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A folder for intermediate files that goes away with the value.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder of this process's own.
    fn new() -> Result<Self, SamplesError> {
        let path = std::env::temp_dir().join(format!("xtask-samples-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(at(&path))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        let _ = fs::remove_dir_all(&self.0);
    }
}
