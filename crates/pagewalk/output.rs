//! Files that commands write on the host.

use crate::error::Error;
use signal_hook::consts::SIGXFSZ;
use std::sync::Arc;

/// Has a file that grows beyond `ulimit -f` fail to be written, with an error as for a full disk. By itself the signal that comes with it
/// would end the process without a word.
pub(crate) fn report_size_limit() -> Result<(), Error> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(|_| ()).map_err(Error::Signal)
}
