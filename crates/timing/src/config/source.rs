//! Where a configuration comes from: a preset or a file, with single keys set otherwise.
//!
//! An error in a file names the line; one in a key that was set names the key.

use super::schema::File;
use super::{HardwareConfig, PRESETS, Preset};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;
use toml::Table;
use toml::de::DeTable;

/// A key of a hardware file and its new value: `dtlb.4k.ways=8`. `none` takes a table out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    key: String,
    value: String,
}

/// Why a text is no setting.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not KEY=VALUE, such as dtlb.4k.ways=8")]
pub struct SettingError(String);

/// As it is read.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => {
                Ok(Self { key: key.trim().into(), value: value.trim().into() })
            }
            _ => Err(SettingError(text.into())),
        }
    }
}

/// Why there is no processor.
#[derive(Debug, Error)]
pub enum HardwareError {
    /// There is neither a preset nor a file of this name.
    #[error("there is no processor `{name}`: neither a preset ({}) nor a file", presets())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The host's reason.
        source: std::io::Error,
    },
    /// The text is not what a hardware file is.
    #[error("{name}{}: {what}", at(*line))]
    Form {
        /// The preset or file.
        name: String,
        /// The line, from 1, if it is known.
        line: Option<usize>,
        /// What is wrong there.
        what: String,
    },
    /// A key says what cannot be.
    #[error("{name}{}: `{key}`: {what}", at(*line))]
    Impossible {
        /// The preset or file.
        name: String,
        /// The line of the key, from 1, if it is in the text.
        line: Option<usize>,
        /// The key.
        key: String,
        /// Why it cannot be.
        what: String,
    },
    /// A key cannot be set so.
    #[error("cannot set `{key}`: {what}")]
    Setting {
        /// The key.
        key: String,
        /// Why not.
        what: String,
    },
}

fn presets() -> String {
    PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ")
}

fn at(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

/// The text of a processor, and what is set otherwise.
#[derive(Clone, Debug)]
pub struct HardwareFile {
    name: String,
    text: String,
    table: Table,
    changed: Vec<Setting>,
}

impl HardwareFile {
    /// The preset of this name, or else the file.
    ///
    /// # Errors
    /// [`HardwareError`], which names the line.
    pub fn open(name: &str) -> Result<Self, HardwareError> {
        if let Some(preset) = Preset::named(name) {
            return Self::parse(name, preset.text);
        }
        let path = Path::new(name);
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(name, &text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(HardwareError::Unknown { name: name.into() }),
            Err(source) => Err(HardwareError::Read { path: path.into(), source }),
        }
    }

    /// A text as a file of this name holds it.
    ///
    /// # Errors
    /// [`HardwareError`], which names the line.
    pub fn parse(name: &str, text: &str) -> Result<Self, HardwareError> {
        let form = |e: toml::de::Error| HardwareError::Form {
            name: name.into(),
            line: e.span().map(|span| line_of(text, span.start)),
            what: e.message().to_owned(),
        };
        let table = text.parse::<Table>().map_err(form)?;
        toml::from_str::<File>(text).map_err(form)?;
        let file = Self { name: name.into(), text: text.into(), table, changed: Vec::new() };
        file.config()?;
        Ok(file)
    }

    /// Sets a key. What the whole amounts to is checked by [`Self::config`], so that keys which depend on each other can be
    /// set one after the other.
    ///
    /// # Errors
    /// [`HardwareError::Setting`]: there is no such key, or it cannot have such a value.
    pub fn set(&mut self, setting: &Setting) -> Result<(), HardwareError> {
        let refuse = |what: String| HardwareError::Setting { key: setting.key.clone(), what };
        let mut table = self.table.clone();
        put(&mut table, &setting.key, &setting.value).map_err(refuse)?;
        table.clone().try_into::<File>().map_err(|e| refuse(e.message().to_owned()))?;
        self.table = table;
        self.changed.push(setting.clone());
        Ok(())
    }

    /// The processor.
    ///
    /// # Errors
    /// [`HardwareError::Impossible`]: what the keys say cannot be.
    pub fn config(&self) -> Result<HardwareConfig, HardwareError> {
        let file: File = self.table.clone().try_into().map_err(|e: toml::de::Error| HardwareError::Form {
            name: self.name.clone(),
            line: None,
            what: e.message().to_owned(),
        })?;
        file.check(&self.name).map_err(|impossible| HardwareError::Impossible {
            name: self.name.clone(),
            line: line_of_key(&self.text, &impossible.key),
            key: impossible.key,
            what: impossible.what,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text as it was read if nothing was set, else written anew.
    #[must_use]
    pub fn text(&self) -> String {
        if self.changed.is_empty() { self.text.clone() } else { self.table.to_string() }
    }

    /// Every key that has a value, with it, in the order of the alphabet; without the sources of the numbers.
    #[must_use]
    pub fn values(&self) -> Vec<(String, String)> {
        let mut values = Vec::new();
        flatten("", &self.table, &mut values);
        values
    }
}

/// Sets a dotted key in a table; tables on the way come into being.
fn put(table: &mut Table, key: &str, value: &str) -> Result<(), String> {
    let (path, last) = key.rsplit_once('.').map_or((None, key), |(path, last)| (Some(path), last));
    let mut at = table;
    for step in path.into_iter().flat_map(|path| path.split('.')) {
        let next = at.entry(step).or_insert_with(|| toml::Value::Table(Table::new()));
        at = next.as_table_mut().ok_or_else(|| format!("`{step}` is no table"))?;
    }
    if value == "none" && at.get(last).is_none_or(toml::Value::is_table) {
        at.remove(last).ok_or("it is not there")?;
        return Ok(());
    }
    if path.is_some() && at.is_empty() {
        at.insert("source".into(), "--hw-set".into());
    }
    at.insert(last.into(), plain_value(value));
    Ok(())
}

/// A number, if it is one; else the word itself, which needs no quotes.
fn plain_value(text: &str) -> toml::Value {
    text.parse::<i64>().map_or_else(|_| toml::Value::String(text.trim_matches('"').into()), toml::Value::Integer)
}

fn flatten(path: &str, table: &Table, values: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let key = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, values),
            toml::Value::String(_) if key.ends_with(".source") => {}
            toml::Value::String(text) => values.push((key, text.clone())),
            other => values.push((key, other.to_string())),
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at.min(text.len())].matches('\n').count() + 1
}

/// The line of a dotted key, or of the deepest table on the way to it that is there.
fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let (mut table, mut found) = (root.get_ref(), None);
    for step in key.split('.') {
        let (name, value) = table.iter().find(|(name, _)| name.get_ref() == step)?;
        found = Some(line_of(text, name.span().start));
        match value.get_ref() {
            toml::de::DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found
}
