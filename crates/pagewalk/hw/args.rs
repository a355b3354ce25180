//! How a processor is named on the command line.

use clap::{Args, Subcommand};
pub(crate) use timing::config::DEFAULT_PRESET as DEFAULT;
use timing::{HardwareConfig, HardwareError, HardwareFile, Setting};

/// A processor: a preset or a file, with single keys set otherwise.
#[derive(Args)]
pub(crate) struct HardwareArgs {
    /// The processor whose TLBs, caches and core are modelled: a preset (`pagewalk hw list`) or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT)]
    pub(crate) hw: String,

    /// Set one of its keys, such as dtlb.4k.ways=8; `none` takes a table out
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) hw_set: Vec<Setting>,
}

impl HardwareArgs {
    /// What it amounts to.
    pub(crate) fn config(&self) -> Result<HardwareConfig, HardwareError> {
        self.file()?.config()
    }

    /// Its file, with what is set otherwise.
    pub(crate) fn file(&self) -> Result<HardwareFile, HardwareError> {
        file(&self.hw, &self.hw_set)
    }
}

/// A processor's file with its settings, which go together.
pub(crate) fn file(name: &str, settings: &[Setting]) -> Result<HardwareFile, HardwareError> {
    let mut file = HardwareFile::open(name)?;
    settings.iter().try_for_each(|setting| file.set(setting))?;
    file.config()?;
    Ok(file)
}

/// What is asked of processors.
#[derive(Subcommand)]
pub(crate) enum HwCommand {
    /// Name the presets
    List,
    /// Print a processor as a TOML file, with the source of each number
    Show {
        /// A preset or a file
        #[arg(default_value = DEFAULT)]
        name: String,

        /// Set one of its keys, such as dtlb.4k.ways=8; `none` takes a table out
        #[arg(long, value_name = "KEY=VALUE")]
        hw_set: Vec<Setting>,
    },
    /// Print the keys in which two processors differ
    Diff {
        /// A preset or a file
        a: String,
        /// Another
        b: String,
    },
}
