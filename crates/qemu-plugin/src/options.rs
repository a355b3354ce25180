//! What the command line says: `hw=NAME|FILE`, `set=KEY=VALUE` as often as wanted, `out=FILE`.
//!
//! QEMU splits at commas what stands behind the library's name, and gives the pieces in their order.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf, absolute};
use thiserror::Error;
use timing::config::{PRESETS, SettingError};
use timing::{HardwareConfig, HardwareError, HardwareFile};

/// Why the command line cannot be followed.
#[derive(Debug, Error)]
pub(crate) enum OptionsError {
    /// It is none of ours.
    #[error("there is no option `{0}`; there are hw=NAME|FILE, set=KEY=VALUE and out=FILE")]
    Unknown(String),
    /// A setting is not `KEY=VALUE`.
    #[error("set: {0}")]
    Setting(#[from] SettingError),
    /// There is no such processor.
    #[error(transparent)]
    Hardware(#[from] HardwareError),
    /// The file for the counters cannot be written.
    #[error("cannot write `{}`", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
}

/// Where the counters go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Standard error.
    StandardError,
    /// A file, by its absolute path.
    File(PathBuf),
}

impl Output {
    /// A file, which is made, or emptied, to see that it can be written. It is not kept open: the program would find its
    /// descriptor, and its own files would have other numbers.
    fn file(path: &Path) -> Result<Self, OptionsError> {
        let cannot = |source| OptionsError::Output { path: path.into(), source };
        File::create(path).map_err(cannot)?;
        absolute(path).map(Self::File).map_err(cannot) // the program may change its working directory
    }

    /// Writes all of a text.
    ///
    /// # Errors
    /// [`OptionsError::Output`].
    pub(crate) fn write(&self, text: &str) -> Result<(), OptionsError> {
        let (path, outcome) = match self {
            Self::StandardError => (Path::new("standard error"), io::stderr().write_all(text.as_bytes())),
            Self::File(path) => (path.as_path(), std::fs::write(path, text)),
        };
        outcome.map_err(|source| OptionsError::Output { path: path.into(), source })
    }
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    /// The processor.
    pub(crate) hardware: HardwareConfig,
    /// Where its counters go.
    pub(crate) output: Output,
}

impl Options {
    /// Reads QEMU's pieces. The last `hw` and `out` count; settings act in their order.
    ///
    /// # Errors
    /// [`OptionsError`]; nothing was written but an empty file.
    pub(crate) fn parse(pieces: &[OsString]) -> Result<Self, OptionsError> {
        let (mut name, mut settings, mut out) = (PRESETS[0].name.to_owned(), Vec::new(), None);
        for piece in pieces {
            let piece = piece.to_string_lossy();
            match piece.split_once('=') {
                Some(("hw", value)) => name = value.to_owned(),
                Some(("set", value)) => settings.push(value.parse()?),
                Some(("out", value)) => out = Some(PathBuf::from(value)),
                _ => return Err(OptionsError::Unknown(piece.into_owned())),
            }
        }
        let mut file = HardwareFile::open(&name)?;
        for setting in &settings {
            file.set(setting)?;
        }
        let hardware = file.config()?;
        let output = out.map_or(Ok(Output::StandardError), |path| Output::file(&path))?;
        Ok(Self { hardware, output })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pieces: &[&str]) -> Result<Options, String> {
        let pieces: Vec<_> = pieces.iter().map(OsString::from).collect();
        Options::parse(&pieces).map_err(|e| e.to_string())
    }

    #[test]
    fn the_default_is_the_first_preset_to_standard_error() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.hardware.name.as_str(), options.output), (PRESETS[0].name, Output::StandardError));
    }

    #[test]
    fn settings_change_the_processor() {
        let plain = parse(&["hw=classroom"]).unwrap().hardware;
        let set = parse(&["set=dtlb.4k.entries=8", "hw=classroom", "set=dtlb.4k.ways=8"]).unwrap().hardware;
        assert_ne!(plain.tlb.data, set.tlb.data);
        assert_eq!(plain.tlb.instruction, set.tlb.instruction);
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let error = |piece| parse(&[piece]).unwrap_err();
        assert!(error("hw=none").contains("`none`"));
        assert!(error("trace=on").contains("`trace=on`"));
        assert!(error("set=dtlb").contains("`dtlb`"));
        assert!(error("set=dtlb.4k.ways=7").contains("dtlb.4k"));
        assert!(error("out=/nowhere/at/all").contains("/nowhere/at/all"));
    }
}
