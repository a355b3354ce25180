//! How a processor is named on the command line.

use clap::{Args, Subcommand};
use timing::{HardwareConfig, HardwareError, HardwareFile, Setting};

/// A processor: a preset or a file, with single keys set otherwise.
#[derive(Args)]
pub(crate) struct HardwareArgs {
    /// The processor whose TLBs, caches and core are modelled: a preset (`pagewalk hw list`) or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "golden-cove")]
    pub(crate) hw: String,

    /// Set one of its keys, such as dtlb.4k.ways=8; `none` takes a table out
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) hw_set: Vec<Setting>,
}

impl HardwareArgs {
    /// The file with its settings.
    pub(crate) fn file(&self) -> Result<HardwareFile, HardwareError> {
        let mut file = HardwareFile::open(&self.hw)?;
        for setting in &self.hw_set {
            file.set(setting)?;
        }
        file.config()?;
        Ok(file)
    }

    /// What it amounts to.
    pub(crate) fn config(&self) -> Result<HardwareConfig, HardwareError> {
        self.file()?.config()
    }
}

/// What is asked of processors.
#[derive(Subcommand)]
pub(crate) enum HwCommand {
    /// Name the presets
    List,
    /// Print a processor as a TOML file, with the source of each number
    Show {
        #[command(flatten)]
        hardware: HardwareArgs,
    },
    /// Print the keys in which two processors differ
    Diff {
        /// A preset or a file
        a: String,
        /// Another
        b: String,
    },
}
