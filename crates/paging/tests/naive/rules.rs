//! One access to one page: the entries along the path, from the root down, to an answer.
//!
//! Levels are counted from the leaf's side: 1 is the PTE, 2 the PDE, 3 the PDPTE, 4 the PML4E, 5 the PML5E.

use super::cpu::{Cpu, Mode, What, Who, bit, field};
use super::wrong::Wrong;

/// A #PF: CR2 and the error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pf {
    pub(crate) cr2: u64,
    pub(crate) err: u32,
}

/// What an access gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The physical address of the access's first byte, or the fault.
    pub(crate) result: Result<u64, Pf>,
    /// The A and D bits to be set in each entry of the path.
    pub(crate) set: [u64; 5],
}

const A: u64 = 1 << 5;
const D: u64 = 1 << 6;

/// Whether a present entry without reserved bits maps a page.
pub(crate) fn maps_page(cpu: &Cpu, level: usize, entry: u64) -> bool {
    let ps = bit(entry, 7);
    match (cpu.mode, level) {
        (_, 1) => true,
        (Mode::Bits32, 2) => ps && (cpu.pse || cpu.has(Wrong::PseIgnored)), // MMU-022
        (Mode::Pae, 2) => ps && (cpu.pse || !cpu.has(Wrong::PaeLargeNeedsPse)), // MMU-033
        (Mode::Long4 | Mode::Long5, 2 | 3) => ps,
        _ => false,
    }
}

/// Whether a present entry has a reserved bit set (MMU-021 to MMU-048, MMU-063 to MMU-065).
fn reserved(cpu: &Cpu, level: usize, entry: u64) -> bool {
    let large = level > 1 && maps_page(cpu, level, entry);
    let large_low = entry & field([0, 0, 20, 29][level.min(3)], 13) != 0 && !cpu.has(Wrong::LargeLowBitsNotReserved);
    let pat = bit(entry, 12) && cpu.has(Wrong::PatReservedInLarge);
    let xd = bit(entry, 63) && !cpu.nxe && !cpu.has(Wrong::XdNeverReserved);
    let too_high = entry & field(51, cpu.m) != 0 && !cpu.has(Wrong::HighBitsNotReserved);
    match cpu.mode {
        Mode::Bits32 => {
            let m = cpu.m.min(40);
            let lowest = if cpu.has(Wrong::Bit21NotReserved) { 22 } else { m - 19 };
            large && (entry & field(21, lowest) != 0 || pat)
        }
        // A PDPTE register was checked when it was loaded (MMU-014).
        Mode::Pae if level == 3 => false,
        Mode::Pae => {
            let ignored_in_long_mode = entry & field(62, 52) != 0 && !cpu.has(Wrong::PaeHighBitsIgnored);
            xd || too_high || ignored_in_long_mode || large && (large_low || pat)
        }
        Mode::Long4 | Mode::Long5 if level >= 4 => {
            let ps = bit(entry, 7) && !cpu.has(Wrong::PsInPml4eAllowed);
            xd || too_high || ps || cpu.amd && bit(entry, 8)
        }
        Mode::Long4 | Mode::Long5 => xd || too_high || large && (large_low || pat || level == 3 && !cpu.gb),
    }
}

/// The entries whose rights count: all but the PDPTE register (MMU-081).
fn rights_of<'a>(cpu: &Cpu, path: &'a [u64]) -> &'a [u64] {
    if cpu.mode == Mode::Pae { &path[1..] } else { path }
}

/// AND of U/S (MMU-082).
fn user_address(cpu: &Cpu, path: &[u64]) -> bool {
    let rights = rights_of(cpu, path);
    let rights = if cpu.has(Wrong::UserFromLeafOnly) { &rights[rights.len() - 1..] } else { rights };
    rights.iter().all(|&e| bit(e, 2))
}

/// Whether U/S, R/W, XD, WP, SMEP and SMAP deny the access (MMU-084 to MMU-090).
fn denied(cpu: &Cpu, path: &[u64], who: Who, what: What) -> bool {
    let all = rights_of(cpu, path);
    let leaf = &all[all.len() - 1..];
    let writable = if cpu.has(Wrong::WritableFromLeafOnly) { leaf } else { all }.iter().all(|&e| bit(e, 1));
    let no_execute = if cpu.has(Wrong::XdFromLeafOnly) { leaf } else { all }.iter().any(|&e| bit(e, 63));
    let no_execute = no_execute && cpu.nxe && cpu.mode != Mode::Bits32; // MMU-006
    let user_address = user_address(cpu, path);
    if who == Who::User {
        return !user_address || (what == What::Write && !writable) || (what == What::Fetch && no_execute);
    }
    let opened = cpu.ac && who == Who::Kernel && !cpu.has(Wrong::SmapIgnoresAc);
    let smap = cpu.smap && user_address && !opened && !cpu.has(Wrong::SmapIgnored);
    let wp = cpu.wp && !cpu.has(Wrong::WpAlwaysZero) || cpu.has(Wrong::WpAlwaysOne);
    let smep = cpu.smep && user_address && !cpu.has(Wrong::SmepIgnored);
    match what {
        What::Read => smap,
        What::Write => smap || (wp && !writable),
        What::Fetch => no_execute || smep,
    }
}

/// Whether the leaf's protection key denies the access (MMU-091, MMU-092).
fn key_denies(cpu: &Cpu, path: &[u64], who: Who, what: What) -> bool {
    if !cpu.long() || (what == What::Fetch && !cpu.has(Wrong::KeysApplyToFetches)) {
        return false;
    }
    let register = if user_address(cpu, path) {
        if !cpu.pke || cpu.has(Wrong::PkeIgnored) {
            return false;
        }
        cpu.pkru
    } else {
        if !cpu.pks || who == Who::User {
            return false;
        }
        cpu.pkrs
    };
    let key = (path[path.len() - 1] >> 59 & 15) as u32;
    let access_disabled = bit(register.into(), 2 * key);
    let write_disabled = bit(register.into(), 2 * key + 1);
    let writes_obey = who == Who::User || cpu.wp || cpu.has(Wrong::KeyWriteIgnoresWp);
    access_disabled || (write_disabled && what == What::Write && writes_obey)
}

/// Where a page of the leaf's level starts, and how many low bits of the linear address lie in it (MMU-049).
fn physical(cpu: &Cpu, level: usize, leaf: u64, la: u64) -> u64 {
    if cpu.mode == Mode::Bits32 {
        if level == 1 {
            return leaf & field(31, 12) | la & field(11, 0);
        }
        let m = cpu.m.min(40);
        let high = (leaf & field(m - 20, 13)) << (32 - 13); // PSE-36, MMU-023
        return high | leaf & field(31, 22) | la & field(21, 0);
    }
    let size = [0, 12, 21, if cpu.has(Wrong::GigabyteOffsetOf2M) { 21 } else { 30 }][level];
    leaf & field(cpu.m - 1, size) | la & field(size - 1, 0)
}

/// The error code's bits that describe the access (MMU-131, MMU-132).
fn about(cpu: &Cpu, who: Who, what: What) -> u32 {
    let nxe = cpu.nxe && cpu.mode != Mode::Bits32;
    let told_apart =
        cpu.smep && !cpu.has(Wrong::FetchReportedWithNxeOnly) || nxe || cpu.has(Wrong::FetchAlwaysReported);
    let write = if what == What::Write { 2 } else { 0 };
    let user = if who == Who::User { 4 } else { 0 };
    let fetch = if what == What::Fetch && told_apart { 16 } else { 0 };
    write + user + fetch
}

/// How a walk ended.
enum End {
    /// The entry of this place in the path is not present, or has a reserved bit, or (a wrong rule) denies already.
    Stopped(usize, u32),
    /// The entry of this place maps the page.
    Leaf(usize),
}

fn walk(cpu: &Cpu, path: &[u64], who: Who, what: What) -> End {
    for (i, &entry) in path.iter().enumerate() {
        let level = cpu.levels() - i;
        if !bit(entry, 0) {
            return End::Stopped(i, 0); // MMU-061
        }
        if reserved(cpu, level, entry) {
            return End::Stopped(i, if cpu.has(Wrong::ReservedWithoutP) { 8 } else { 8 + 1 }); // MMU-066
        }
        if maps_page(cpu, level, entry) {
            return End::Leaf(i);
        }
        let has_rights = !rights_of(cpu, &path[..=i]).is_empty();
        if cpu.has(Wrong::RightsBeforeLowerP) && has_rights && denied(cpu, &path[..=i], who, what) {
            return End::Stopped(i, 1);
        }
    }
    unreachable!("a path ends at level 1")
}

/// Judges one access to one page. `path` has an entry for each level down to the leaf at least; what lies below the leaf
/// or below the entry that ends the walk does not matter.
pub(crate) fn judge(cpu: &Cpu, path: &[u64], la: u64, who: Who, what: What) -> Answer {
    let about = about(cpu, who, what);
    let (used, leaf, result) = match walk(cpu, path, who, what) {
        End::Stopped(i, why) => (i, None, Err(about + why)),
        End::Leaf(i) => {
            let denied = denied(cpu, &path[..=i], who, what);
            let key = key_denies(cpu, &path[..=i], who, what);
            let pk = if key && !(denied && cpu.has(Wrong::PkOnlyIfNothingElseDenies)) { 32 } else { 0 }; // MMU-133
            let result =
                if denied || key { Err(about + 1 + pk) } else { Ok(physical(cpu, cpu.levels() - i, path[i], la)) };
            (i, Some(i), result)
        }
    };
    Answer {
        result: result.map_err(|err| Pf { cr2: if cpu.has(Wrong::Cr2PageAligned) { la & !0xfff } else { la }, err }),
        set: flags(cpu, used, leaf, what, result.is_ok()),
    }
}

/// The A and D bits that an access sets (MMU-110 to MMU-115): `upper` entries were traversed, then perhaps the leaf reached.
fn flags(cpu: &Cpu, upper: usize, leaf: Option<usize>, what: What, allowed: bool) -> [u64; 5] {
    let mut set = [0; 5];
    if (allowed || !cpu.on_success_only) && !cpu.has(Wrong::AccessedInLeafOnly) {
        set[..upper].fill(A);
    }
    if let Some(leaf) = leaf
        && (allowed || cpu.has(Wrong::LeafAccessedBeforeRights))
    {
        set[leaf] = A;
        let dirty = what == What::Write && !cpu.has(Wrong::DirtyNever) || cpu.has(Wrong::DirtyOnReads);
        if allowed && dirty {
            set[leaf] |= D;
        }
    }
    if cpu.mode == Mode::Pae {
        set[0] = 0; // a register
    }
    set
}
