//! Calls on sockets. There are none: no address family is built in, so a descriptor is never one.

use super::{Args, SysResult};
use crate::kernel::Kernel;
use crate::{Errno, Hw};

impl Kernel {
    /// `getpeername` and its kin (Linux's `sockfd_lookup`): bash asks so whether its input comes from the network.
    pub(super) fn sys_not_a_socket(&mut self, _: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        self.file(fd)?;
        Err(Errno::ENOTSOCK)
    }
}
