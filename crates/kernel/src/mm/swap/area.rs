//! The swap device in use: its slots, and the way of pages to it and back.
//!
//! Each page that moves is charged to the meter; those that lie one behind the other and go in one go are one request. Here
//! too the device fails on purpose, where `--inject` says so.

use super::{SwapEntry, SwapTable};
use crate::costs::{Io, Meter};
use crate::inject::{Failing, Injection, Injector};
use arch::{FRAME_SIZE, Pfn};
use paging::{PageBytes, PhysMem, SwapDevice, SwapError};
use std::io;

/// Linux's `vm.page-cluster`.
pub const DEFAULT_PAGE_CLUSTER: u32 = 3;

/// Where pages go, if there is such a place (`swap_info_struct`).
#[derive(Debug)]
pub struct Swap {
    /// Which slots are in use, and for what.
    pub table: SwapTable,
    /// Pages read together are at most 2 to this power (`vm.page-cluster`); 0 is no readahead.
    pub page_cluster: u32,
    device: Option<Box<dyn SwapDevice>>,
    read_failures: Injector,
    write_failures: Injector,
}

impl Swap {
    /// Swap on a device, or none; `rules` and `seed` say what fails.
    #[must_use]
    pub fn new(device: Option<Box<dyn SwapDevice>>, rules: &[Injection], seed: u64) -> Self {
        Self {
            table: SwapTable::new(device.as_ref().map_or(0, |device| device.slots())),
            page_cluster: DEFAULT_PAGE_CLUSTER,
            device,
            read_failures: Injector::new(Failing::SwapRead, rules, seed),
            write_failures: Injector::new(Failing::SwapWrite, rules, seed),
        }
    }

    /// Reads the page of a slot in use into a frame (`swap_read_folio`).
    ///
    /// # Errors
    /// The device failed: the frame holds what it held. Who needs the page gets SIGBUS (Linux's `do_swap_page`, when
    /// `folio_test_uptodate` says no); the swap entry and its count stay, so that a later access tries again.
    pub fn read_page(
        &mut self,
        meter: &mut Meter,
        entry: SwapEntry,
        mem: &mut dyn PhysMem,
        frame: Pfn,
    ) -> Result<(), SwapError> {
        let slot = entry.slot();
        meter.transfer(Io::SwapRead, 0, slot.0.into());
        if self.read_failures.should_fail() {
            return Err(SwapError::Read(slot, injected()));
        }
        let mut page: PageBytes = [0; FRAME_SIZE as usize];
        self.device().read(slot, &mut page)?;
        mem.write(frame.base(), &page);
        Ok(())
    }

    /// Writes a frame to a slot in use (`swap_writeout`).
    ///
    /// # Errors
    /// The device failed: the page stays in memory as it was, dirty and active again, its slot goes (Linux's
    /// `end_swap_bio_write`), and reclaim goes on to the next.
    pub fn write_page(
        &mut self,
        meter: &mut Meter,
        entry: SwapEntry,
        mem: &dyn PhysMem,
        frame: Pfn,
    ) -> Result<(), SwapError> {
        let slot = entry.slot();
        meter.transfer(Io::SwapWrite, 0, slot.0.into());
        if self.write_failures.should_fail() {
            return Err(SwapError::Write(slot, injected()));
        }
        let mut page: PageBytes = [0; FRAME_SIZE as usize];
        mem.read(frame.base(), &mut page);
        self.device().write(slot, &page)
    }

    fn device(&mut self) -> &mut dyn SwapDevice {
        self.device.as_deref_mut().expect("without a device no slot is handed out")
    }
}

fn injected() -> io::Error {
    io::Error::other("injected by --inject")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::Costs;
    use crate::mm::swap::{SlotState, SwapOwner};
    use arch::Service;
    use physmem::{Bus, Ram, SwapFile};

    const PAGES: u64 = 40;

    /// RAM whose frames differ, swap with a slot for each of the first of them, and a meter.
    fn rig(rules: &[&str]) -> (Bus, Swap, Meter, Vec<SwapEntry>) {
        let mut bus = Bus::new(Ram::new(1 << 20).unwrap());
        (0..2 * PAGES).for_each(|frame| bus.write(Pfn(frame).base(), &[frame as u8 + 1; FRAME_SIZE as usize]));
        let device = Box::new(SwapFile::temporary((PAGES + 1) * FRAME_SIZE).unwrap());
        let rules: Vec<Injection> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let mut swap = Swap::new(Some(device), &rules, 0);
        let entries = (0..PAGES).map(|frame| swap.table.alloc(Pfn(frame), SwapOwner::Anon).unwrap()).collect();
        (bus, swap, Meter::new(Costs::default()), entries)
    }

    fn bytes(bus: &Bus, frame: u64) -> PageBytes {
        let mut page = [0; FRAME_SIZE as usize];
        bus.read(Pfn(frame).base(), &mut page);
        page
    }

    #[test]
    fn pages_go_out_and_come_back() {
        let (mut bus, mut swap, mut meter, entries) = rig(&[]);
        for (frame, &entry) in (0..PAGES).zip(&entries) {
            swap.write_page(&mut meter, entry, &bus, Pfn(frame)).unwrap();
        }
        let cost = |service| Costs::default().ns(service);
        let written = cost(Service::SwapWriteRequest) + PAGES * cost(Service::SwapWritePage);
        assert_eq!(meter.take().waited_ns, written, "one request, as the slots are neighbours");
        for (frame, &entry) in (0..PAGES).rev().zip(entries.iter().rev()) {
            swap.read_page(&mut meter, entry, &mut bus, Pfn(frame + PAGES)).unwrap();
            assert_eq!(bytes(&bus, frame + PAGES), [frame as u8 + 1; FRAME_SIZE as usize]);
        }
        assert_eq!(meter.take().waited_ns, PAGES * (cost(Service::SwapReadRequest) + cost(Service::SwapReadPage)));
    }

    #[test]
    fn a_failure_on_purpose_harms_nothing_else() {
        let (mut bus, mut swap, mut meter, entries) = rig(&["swap-write-fail=2", "swap-read-fail=1"]);
        assert!(swap.write_page(&mut meter, entries[0], &bus, Pfn(0)).is_ok());
        let failed = swap.write_page(&mut meter, entries[1], &bus, Pfn(1));
        assert!(matches!(failed, Err(SwapError::Write(slot, _)) if slot == entries[1].slot()));
        assert_eq!(swap.table.delete_from_swap_cache(entries[1], None), SlotState::Free);
        let failed = swap.read_page(&mut meter, entries[0], &mut bus, Pfn(60));
        assert!(matches!(failed, Err(SwapError::Read(slot, _)) if slot == entries[0].slot()));
        assert_eq!(bytes(&bus, 60), [61; FRAME_SIZE as usize], "the frame is as it was");
        swap.read_page(&mut meter, entries[0], &mut bus, Pfn(60)).unwrap();
        assert_eq!(bytes(&bus, 60), [1; FRAME_SIZE as usize]);
    }

    #[test]
    fn without_a_device_there_is_no_slot() {
        let mut swap = Swap::new(None, &[], 0);
        assert_eq!(swap.table.alloc(Pfn(1), SwapOwner::Anon), Err(crate::Errno::ENOSPC));
    }
}
