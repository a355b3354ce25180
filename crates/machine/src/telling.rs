//! What the machine tells of by itself: to its listener what a model has found, and the invalidations; to a model that watches which entries have
//! changed.

use crate::run::Machine;
use event::{Event, EventSink, Moment};
use paging::HardwareModel;

impl<H: HardwareModel> Machine<H> {
    /// Tells the listener what a model that watches has to tell.
    pub(crate) fn tell(&mut self) {
        let Some(told) = self.told.as_ref().filter(|told| !told.is_empty()) else { return };
        for (instructions, event) in told.take() {
            self.listener.record(Moment { instructions, ns: self.kernel.time_ns(instructions) }, &event);
        }
    }

    /// Tells a model that watches which entries have changed, and has it asked for every page again.
    pub(crate) fn tell_of_edits(&mut self) {
        if self.told.is_none() {
            return;
        }
        let mmu = self.cpu.mmu_mut();
        let edits = mmu.bus.take_edits();
        if !edits.is_empty() {
            edits.iter().for_each(|edit| mmu.model.edited(edit));
            mmu.ask_again();
        }
    }

    /// Tells of the invalidations and the load of CR3 that are about to be made.
    pub(crate) fn tell_of_flushes(&mut self) {
        let instructions = self.cpu.retired();
        let at = Moment { instructions, ns: self.kernel.time_ns(instructions) };
        for page in self.shootdown.named() {
            self.listener.record(at, &Event::Flush(page));
        }
        if self.cpu.mmu().context().regs.cr3 != self.kernel.cr3() {
            self.listener.record(at, &Event::LoadCr3(self.kernel.cr3()));
        }
    }
}
