//! What x86 translation is: the walk, the rights, the accessed and dirty flags, and what may be cached.
//!
//! Everything that translates goes through one pure state machine, [`Walk`]: it is told entries and says which physical
//! address it wants next. Because it never touches memory itself, the MMU can drive it at once, a timing model can
//! spend cycles on each load, and a test can feed it entries from a file; there is no second walker to disagree with.
//!
//! The order is Intel's and fixed: gather the entries from the root down, ending at the first that is not present or has
//! a reserved bit; judge the rights on the complete path; then commit A and D with compare-exchange.
//!
//! A rule of the processor is cited as MMU-nnn where code depends on it; tests bear the number in their name.
#![forbid(unsafe_code)]

mod canonical;
mod context;
pub mod control;
mod format;
mod glance;
mod invalidate;
mod mem;
mod model;
mod reason;
mod rights;
mod swap;
pub mod tlb;
mod translate;
mod walk;

pub use canonical::is_canonical;
pub use context::{AccessedOnFault, GigabytePages, PagingContext, Pse36};
pub use glance::Glance;
pub use invalidate::{Invalidation, Shootdown};
pub use mem::{EntryEdit, PhysMem};
pub use model::{BlockId, Detail, HardwareModel, NoModel, StoreLevel, TranslationCache};
pub use reason::Reason;
pub use rights::{Denials, Rights};
pub use swap::{PageBytes, SwapDevice, SwapError, SwapSlot};
pub use translate::{Translation, inspect, probe, translate};
pub use walk::{EntryUse, Step, Table, Walk, WalkEnd};
