//! The processor that a trace is made on: any for what is the same on all, and a certain one, which the header names, for its own walks.

use super::args::ModelArgs;
use crate::cli::Core;
use crate::error::Error;
use crate::hw;
use pagewalk::trace::{EventKind, Header};
use timing::{HardwareConfig, Setting};

/// True if the trace tells of what a processor does by itself.
pub(super) fn is_recorded(header: &Header) -> bool {
    header.events.iter().any(|kind| kind.is_of_hardware())
}

/// The header, with the processor whose walks are recorded: the one that is asked for, or that was, or the usual one.
pub(super) fn named(header: Header, model: &ModelArgs) -> Header {
    if !is_recorded(&header) {
        return header;
    }
    match &model.hw {
        Some(name) => {
            let hw_set = model.hw_set.iter().map(Setting::to_string).collect();
            Header { hw: Some(name.clone()), hw_set, ..header }
        }
        None => Header { hw: header.hw.or_else(|| Some(hw::DEFAULT.into())), ..header },
    }
}

/// The processor whose walks are recorded: the one that is asked for, or that of the header. It has the place of another model.
pub(super) fn recorded(header: &Header, model: &ModelArgs) -> Result<HardwareConfig, Error> {
    let header = &named(header.clone(), model);
    if model.core.is_some_and(|core| core != Core::None) || header.events.contains(&EventKind::Stale) {
        return Err(Error::WalksAlone);
    }
    let name = header.hw.as_deref().unwrap_or(hw::DEFAULT);
    let settings: Result<Vec<Setting>, _> = header.hw_set.iter().map(|setting| setting.parse()).collect();
    let settings = settings.map_err(|cause| Error::TraceOptions { cause: cause.to_string() })?;
    Ok(hw::file(name, &settings)?.config()?)
}
