//! The bus: a physical address is RAM, or a device, or nothing.

use crate::{CodeMap, Ram};
use arch::{Pfn, PhysAddr, Pte, Site};
use paging::{EntryEdit, PhysMem};
use std::cell::RefCell;
use std::ops::Range;

/// A device that answers in a range of physical addresses.
pub trait Device {
    /// Reads from `offset` within the device's range.
    fn read(&mut self, offset: u64, buf: &mut [u8]);
    /// Writes at `offset` within the device's range.
    fn write(&mut self, offset: u64, bytes: &[u8]);
}

/// RAM, the code bitmap over it, and the devices beside it.
pub struct Bus {
    ram: Ram,
    /// Which bytes of RAM code was decoded from.
    pub code: CodeMap,
    devices: Vec<(Range<u64>, SharedDevice)>,
    /// Changes of paging entries that were not taken yet, if they are watched.
    edits: Option<Vec<EntryEdit>>,
}

/// A read of a device may change it, while [`PhysMem::read`] takes the bus as shared.
type SharedDevice = RefCell<Box<dyn Device>>;

impl Bus {
    /// A bus with RAM alone.
    #[must_use]
    pub fn new(ram: Ram) -> Self {
        Self { ram, code: CodeMap::new(), devices: Vec::new(), edits: None }
    }

    /// Puts a device at a range of physical addresses beyond RAM.
    ///
    /// # Panics
    /// If the range overlaps RAM or another device: the board is built wrong.
    pub fn attach(&mut self, range: Range<u64>, device: Box<dyn Device>) {
        let overlaps = |other: &Range<u64>| range.start < other.end && other.start < range.end;
        assert!(!overlaps(&(0..self.ram.bytes())), "a device overlaps RAM");
        assert!(!self.devices.iter().any(|(r, _)| overlaps(r)), "two devices overlap");
        self.devices.push((range, device.into()));
    }

    /// Keeps the changes that the kernel layer makes to paging entries, for [`Self::take_edits`].
    pub fn watch_entries(&mut self) {
        self.edits = Some(Vec::new());
    }

    /// The changes that were made to paging entries since the last call, in order.
    pub fn take_edits(&mut self) -> Vec<EntryEdit> {
        self.edits.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// RAM itself.
    #[must_use]
    pub const fn ram(&self) -> &Ram {
        &self.ram
    }

    /// True if the whole frame is RAM.
    #[must_use]
    pub const fn is_ram(&self, pfn: Pfn) -> bool {
        pfn.0 < self.ram.bytes() / arch::FRAME_SIZE
    }

    #[cold]
    fn load_outside_ram(&self, pa: PhysAddr) -> u64 {
        let mut raw = [0; 8];
        self.read(pa, &mut raw);
        u64::from_le_bytes(raw)
    }

    fn device(&self, pa: PhysAddr) -> Option<(u64, &SharedDevice)> {
        let (range, device) = self.devices.iter().find(|(r, _)| r.contains(&pa.0))?;
        Some((pa.0 - range.start, device))
    }
}

impl PhysMem for Bus {
    fn ram_bytes(&self) -> u64 {
        self.ram.bytes()
    }

    #[inline]
    fn load_entry(&self, pa: PhysAddr) -> u64 {
        self.ram.load_cell(pa).unwrap_or_else(|| self.load_outside_ram(pa))
    }

    #[inline(always)]
    fn glance_entry(&self, pa: PhysAddr) -> Option<u64> {
        self.ram.load_cell(pa)
    }

    fn store_entry(&mut self, pa: PhysAddr, value: u64) {
        if self.ram.span(pa, 8) != 8 {
            return self.write(pa, &value.to_le_bytes());
        }
        self.ram.cell(pa).store(value);
        self.code.written(pa, 8);
    }

    fn edit_entry(&mut self, pa: PhysAddr, value: u64, site: Site) {
        if self.edits.is_some() {
            let edit = EntryEdit { entry: pa, before: Pte(self.load_entry(pa)), after: Pte(value), site };
            self.edits.iter_mut().for_each(|edits| edits.push(edit));
        }
        self.store_entry(pa, value);
    }

    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64> {
        if self.ram.span(pa, 8) != 8 {
            self.write(pa, &new.to_le_bytes());
            return Ok(());
        }
        self.ram.cell(pa).compare_exchange(current, new)?;
        self.code.written(pa, 8);
        Ok(())
    }

    fn read(&self, pa: PhysAddr, buf: &mut [u8]) {
        let (in_ram, beyond) = buf.split_at_mut(self.ram.span(pa, buf.len()));
        if !in_ram.is_empty() {
            self.ram.read(pa, in_ram);
        }
        if beyond.is_empty() {
            return;
        }
        match self.device(pa) {
            Some((offset, device)) if in_ram.is_empty() => device.borrow_mut().read(offset, beyond),
            _ => beyond.fill(0xff),
        }
    }

    fn write(&mut self, pa: PhysAddr, bytes: &[u8]) {
        let (in_ram, beyond) = bytes.split_at(self.ram.span(pa, bytes.len()));
        if !in_ram.is_empty() {
            self.ram.write(pa, in_ram);
            self.code.written(pa, in_ram.len());
        } else if let Some((offset, device)) = self.device(pa) {
            device.borrow_mut().write(offset, beyond);
        }
    }

    fn zero_frame(&mut self, frame: Pfn) {
        if self.is_ram(frame) {
            self.ram.zero_frame(frame);
            self.code.overwritten(frame);
        }
    }

    fn will_use(&mut self, frame: Pfn) {
        if self.is_ram(frame) {
            self.ram.will_use(frame);
        }
    }

    fn copy_frame(&mut self, from: Pfn, to: Pfn) {
        if self.is_ram(from) && self.is_ram(to) {
            self.ram.copy_frame(from, to);
            self.code.overwritten(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Register(u8);

    impl Device for Register {
        fn read(&mut self, offset: u64, buf: &mut [u8]) {
            buf.fill(self.0 + offset as u8);
        }
        fn write(&mut self, _: u64, bytes: &[u8]) {
            self.0 = bytes[0];
        }
    }

    #[test]
    fn an_address_is_ram_or_a_device_or_nothing() {
        let mut bus = Bus::new(Ram::new(1 << 20).unwrap());
        bus.attach(0x1000_0000..0x1000_1000, Box::new(Register(0)));
        let read = |bus: &Bus, pa| {
            let mut b = [0; 2];
            bus.read(PhysAddr(pa), &mut b);
            b
        };
        bus.write(PhysAddr(0x1000_0000), &[7]);
        assert_eq!(read(&bus, 0x1000_0002), [9, 9]);
        assert_eq!(read(&bus, 0x2000_0000), [0xff, 0xff]);
        assert_eq!(read(&bus, (1 << 20) - 1), [0, 0xff]);
        bus.write(PhysAddr(0x2000_0000), &[1]);
        assert_eq!(bus.load_entry(PhysAddr(0x2000_0000)), u64::MAX);
    }

    #[test]
    fn changes_of_entries_are_kept_for_who_watches() {
        let mut bus = Bus::new(Ram::new(1 << 20).unwrap());
        let (entry, site) = (PhysAddr(0x1008), Site::caller());
        bus.edit_entry(entry, 1, site);
        assert_eq!(bus.take_edits(), []);
        bus.watch_entries();
        bus.edit_entry(entry, 2, site);
        assert_eq!(bus.take_edits(), [EntryEdit { entry, before: Pte(1), after: Pte(2), site }]);
        assert_eq!((bus.take_edits(), bus.load_entry(entry)), (vec![], 2));
    }

    #[test]
    fn every_way_of_writing_is_checked_against_code() {
        let mut bus = Bus::new(Ram::new(1 << 20).unwrap());
        let pa = Pfn(3).base();
        let writes: [&dyn Fn(&mut Bus); 5] = [
            &|b| b.write(pa, &[1]),
            &|b| b.store_entry(pa, 1),
            &|b| b.compare_exchange_entry(pa, 1, 2).unwrap(),
            &|b| b.zero_frame(Pfn(3)),
            &|b| b.copy_frame(Pfn(2), Pfn(3)),
        ];
        for write in writes {
            bus.code.mark(Pfn(3), 1);
            write(&mut bus);
            assert_eq!(bus.code.take_writes().len(), 1);
        }
    }
}
