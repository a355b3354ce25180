//! What the kernel layer is handed at each entry: the machine it works on.

use event::{EventSink, Moment};
use paging::{PhysMem, Shootdown};

/// The machine's side of an entry into the kernel layer.
pub struct Hw<'a> {
    /// Physical memory.
    pub mem: &'a mut dyn PhysMem,
    /// Who listens.
    pub sink: &'a mut dyn EventSink,
    /// Gathers the invalidations that this entry calls for; the machine applies them before the next guest instruction.
    pub shootdown: &'a mut Shootdown,
    /// Instructions that the guest has retired so far: the virtual clock.
    pub instructions: u64,
    /// Virtual time at this entry, in nanoseconds.
    pub ns: u64,
}

impl Hw<'_> {
    /// The moment of this entry.
    #[must_use]
    pub const fn now(&self) -> Moment {
        Moment { instructions: self.instructions, ns: self.ns }
    }
}
