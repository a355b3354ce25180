//! What prctl says about an address space: who may look into it, and whether what is written may be executed.

use super::flags::VmFlags;
use std::rc::Rc;

bitflags::bitflags! {
    /// What PR_SET_MDWE takes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Mdwe: u64 {
        /// No mapping becomes executable that was not so from the start, or that can be written.
        const REFUSE_EXEC_GAIN = 1;
        /// Children and programs that are executed are free of it.
        const NO_INHERIT = 2;
    }
}

/// What is set for an address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MmPrctl {
    /// Whether others of the same user may look into it (`SUID_DUMP_USER`).
    pub(crate) dumpable: bool,
    pub(crate) mdwe: Mdwe,
    /// The auxiliary vector that the program was started with (`saved_auxv`).
    pub(crate) auxv: Rc<[u8]>,
}

impl Default for MmPrctl {
    fn default() -> Self {
        Self { dumpable: true, mdwe: Mdwe::empty(), auxv: Rc::new([]) }
    }
}

impl MmPrctl {
    /// What a child or the next program starts with (`mmf_init_flags`).
    pub(crate) fn inherit(&self) -> Self {
        let mdwe = if self.mdwe.contains(Mdwe::NO_INHERIT) { Mdwe::empty() } else { self.mdwe };
        Self { mdwe, ..self.clone() }
    }

    /// Whether a mapping may not go from `old` to `new` (`map_deny_write_exec`); a new one has both the same.
    pub(super) const fn denies(&self, old: VmFlags, new: VmFlags) -> bool {
        self.mdwe.contains(Mdwe::REFUSE_EXEC_GAIN)
            && new.contains(VmFlags::EXEC)
            && (new.contains(VmFlags::WRITE) || !old.contains(VmFlags::EXEC))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_executable() {
        let told = MmPrctl { mdwe: Mdwe::all(), ..MmPrctl::default() };
        let (r, w, x) = (VmFlags::READ, VmFlags::WRITE, VmFlags::EXEC);
        assert!(told.denies(r, r | x) && told.denies(r | w | x, r | w | x));
        assert!(!told.denies(r | x, r | x) && !told.denies(r, r | w));
        assert!(!told.inherit().denies(r, r | x));
    }
}
