//! The processors that come with pagewalk.

/// A hardware file that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What it is asked for by.
    pub name: &'static str,
    /// Its text: TOML.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal)*) => {
        /// All of them, the default first.
        pub const PRESETS: &[Preset] = &[$(
            Preset { name: $name, text: include_str!(concat!("../../presets/", $name, ".toml")) },
        )*];
    };
}
presets! { "golden-cove" "icelake-server" "skylake-server" "zen4" "zen3" "zen2" "classroom" }

/// The preset that is taken unless another is named.
pub const DEFAULT_PRESET: &str = PRESETS[0].name;

impl Preset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}
