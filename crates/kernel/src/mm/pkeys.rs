//! Protection keys: which are handed out, and which key the pages of a mapping have (Linux's `arch/x86/mm/pkeys.c`).
//!
//! A mapping has its key in its flags, and each entry of its pages in bits 62:59. What a key allows is in PKRU, which is the
//! program's own. A mapping that may only be executed gets a key of the kernel's that allows nothing else, made when it is
//! first needed, if the processor has keys.

use super::Mm;
use super::flags::{Prot, VmFlags};
use crate::Errno;
use arch::{KeyRights, UserContext};

/// Keys of a processor that has them.
const KEYS: u8 = 16;
/// In PKRU: no access to data by a key.
const PKEY_DISABLE_ACCESS: u32 = 1;

/// The keys of an address space (`mm->context.pkey_allocation_map` and `execute_only_pkey`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pkeys {
    /// A bit a key; none on a processor without keys.
    allocated: u16,
    execute_only: Option<u8>,
}

impl Pkeys {
    const fn is_allocated(self, key: u8) -> bool {
        let is_own = matches!(self.execute_only, Some(own) if own == key);
        key < KEYS && !is_own && self.allocated & 1 << key != 0
    }

    fn alloc(&mut self) -> Option<u8> {
        let key = (0..KEYS).find(|key| self.allocated & 1 << key == 0).filter(|_| self.allocated != 0)?;
        self.allocated |= 1 << key;
        Some(key)
    }
}

impl Mm {
    /// Lets the program have keys, as the processor has them: key 0 is every page's at first.
    pub fn enable_pkeys(&mut self) {
        self.pkeys.allocated |= 1;
    }

    /// Makes what the kernel layer copies from and to the program obey the keys of the thread that asks for it, until
    /// [`Self::forget_user_keys`]. On a processor without keys there is nothing to obey.
    pub(crate) const fn obey_user_keys(&mut self, ctx: &UserContext) {
        self.user_keys = if self.pkeys.allocated == 0 { None } else { Some(KeyRights(ctx.pkru)) };
    }

    /// What the kernel layer writes for itself, as the frame of a signal, obeys no keys.
    pub(crate) const fn forget_user_keys(&mut self) {
        self.user_keys = None;
    }

    /// Hands out a key, with these rights in PKRU (`pkey_alloc`).
    ///
    /// # Errors
    /// `ENOSPC` if none is left, or the processor has none.
    pub(crate) fn pkey_alloc(&mut self, ctx: &mut UserContext, rights: u32) -> Result<u64, Errno> {
        let key = self.pkeys.alloc().ok_or(Errno::ENOSPC)?;
        set_key_rights(ctx, key, rights);
        Ok(key.into())
    }

    /// Takes a key back. Pages that have it keep it.
    ///
    /// # Errors
    /// `EINVAL` for a key that was not handed out.
    pub(crate) fn pkey_free(&mut self, key: i32) -> Result<(), Errno> {
        let key = u8::try_from(key).ok().filter(|&key| self.pkeys.is_allocated(key)).ok_or(Errno::EINVAL)?;
        self.pkeys.allocated &= !(1 << key);
        Ok(())
    }

    /// The key that pkey_mprotect asks for; `None` for -1, as mprotect has it.
    ///
    /// # Errors
    /// `EINVAL` for a key that was not handed out.
    pub(super) fn checked_pkey(&self, key: i32) -> Result<Option<u8>, Errno> {
        match key {
            -1 => Ok(None),
            key => match u8::try_from(key).ok().filter(|&key| self.pkeys.is_allocated(key)) {
                Some(key) => Ok(Some(key)),
                None => Err(Errno::EINVAL),
            },
        }
    }

    /// The key of a mapping that gets these rights (`__arch_override_mprotect_pkey`).
    pub(super) fn key_for(&self, flags: VmFlags, prot: Prot, wanted: Option<u8>) -> u8 {
        match (wanted, self.pkeys.execute_only) {
            (Some(key), _) => key,
            (None, Some(own)) if is_execute_only(prot) => own,
            (None, Some(own)) if flags.pkey() == own => 0,
            _ => flags.pkey(),
        }
    }

    /// Makes the key for memory that may only be executed, if such memory is asked for (`__execute_only_pkey`).
    pub(crate) fn prepare_execute_only(&mut self, ctx: &mut UserContext, prot: Prot) {
        if !is_execute_only(prot) {
            return;
        }
        if self.pkeys.execute_only.is_none() {
            self.pkeys.execute_only = self.pkeys.alloc();
        }
        if let Some(key) = self.pkeys.execute_only
            && ctx.pkru >> (2 * key) & PKEY_DISABLE_ACCESS == 0
        {
            set_key_rights(ctx, key, PKEY_DISABLE_ACCESS);
        }
    }
}

fn is_execute_only(prot: Prot) -> bool {
    prot & (Prot::READ | Prot::WRITE | Prot::EXEC) == Prot::EXEC
}

/// Sets the two bits of a key in PKRU (`arch_set_user_pkey_access`).
const fn set_key_rights(ctx: &mut UserContext, key: u8, rights: u32) {
    let shift = 2 * key as u32;
    ctx.pkru = ctx.pkru & !(3 << shift) | rights << shift;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_handed_out_lowest_first_and_none_without_a_processor_that_has_them() {
        let mut none = Pkeys::default();
        assert_eq!(none.alloc(), None);
        let mut keys = Pkeys { allocated: 1, execute_only: None };
        assert_eq!((keys.alloc(), keys.alloc()), (Some(1), Some(2)));
        assert!(keys.is_allocated(0) && keys.is_allocated(2) && !keys.is_allocated(3) && !keys.is_allocated(16));
        keys.execute_only = Some(2);
        assert!(!keys.is_allocated(2), "the kernel's own is nobody's");
        (3..15).for_each(|key| assert_eq!(keys.alloc(), Some(key)));
        assert_eq!(keys.alloc(), Some(15));
        assert_eq!(keys.alloc(), None);
    }
}
