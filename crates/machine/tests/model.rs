//! A model sees what happens and changes nothing of it.

use arch::{Access, AccessKind, LinearAddr, PageFault, PhysAddr};
use kernel::ExitStatus;
use kernel::fs::{BufferConsole, ViewConfig};
use pagewalk_machine::{Ending, Interrupt, Machine, MachineConfig, Stats};
use paging::{Detail, HardwareModel, Invalidation, NoModel, PagingContext, Translation, TranslationCache};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

/// What a model was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    loads: u64,
    stores: u64,
    walk_loads: u64,
    walk_updates: u64,
    faults: u64,
    context_switches: u64,
    blocks: u64,
    retired: u64,
}

/// Counts every report.
#[derive(Default)]
struct Counting(Rc<RefCell<Told>>);

impl TranslationCache for Counting {
    fn lookup(&mut self, _: &PagingContext, _: LinearAddr, _: Access) -> Option<Translation> {
        None
    }
    fn fill(&mut self, _: &PagingContext, _: LinearAddr, _: AccessKind, _: &Translation) {}
    fn displaced(&mut self) -> Option<LinearAddr> {
        None
    }
    fn invalidate(&mut self, _: Invalidation) {}
}

impl HardwareModel for Counting {
    const DETAIL: Detail = Detail::EveryTranslation;

    fn load(&mut self, _: LinearAddr, _: PhysAddr, _: u32) {
        self.0.borrow_mut().loads += 1;
    }
    fn store(&mut self, _: LinearAddr, _: PhysAddr, _: u32) {
        self.0.borrow_mut().stores += 1;
    }
    fn walk_load(&mut self, _: LinearAddr, _: arch::Level, _: PhysAddr, _: arch::Pte) {
        self.0.borrow_mut().walk_loads += 1;
    }
    fn walk_update(&mut self, _: LinearAddr, _: PhysAddr, _: arch::Pte) {
        self.0.borrow_mut().walk_updates += 1;
    }
    fn fault(&mut self, _: PageFault) {
        self.0.borrow_mut().faults += 1;
    }
    fn context_switch(&mut self, _: PhysAddr) {
        self.0.borrow_mut().context_switches += 1;
    }
    fn block(&mut self, _: paging::BlockId, _: PhysAddr, _: &[arch::InstrInfo]) {
        self.0.borrow_mut().blocks += 1;
    }
    fn retired(&mut self, instructions: u64) {
        self.0.borrow_mut().retired += instructions;
    }
}

fn run<H: HardwareModel>(sample: &str, model: H) -> (Vec<u8>, Stats) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let config = MachineConfig::new(ViewConfig { root: Some(root), ..ViewConfig::default() });
    let console = BufferConsole::new("");
    let captured = console.captured();
    let mut machine = Machine::with_model(config, Box::new(console), Interrupt::new(), model).unwrap();
    let path = format!("/elf-samples/{sample}").into_bytes();
    machine.exec(&path, std::slice::from_ref(&path), &[]).unwrap();
    assert_eq!(machine.run(), Ending::Exit(ExitStatus::Exited(0)));
    let output = captured.borrow().out.clone();
    (output, machine.stats())
}

#[test]
fn a_model_is_told_and_changes_nothing() {
    for sample in ["malloc", "mprotect-repair", "smc"] {
        let told = Rc::new(RefCell::new(Told::default()));
        let with = run(sample, Counting(Rc::clone(&told)));
        assert_eq!(with, run(sample, NoModel), "{sample}");
        let (told, stats) = (told.borrow(), with.1);
        assert_eq!(told.retired, stats.instructions, "{sample}");
        assert_eq!(told.context_switches, stats.cr3_writes, "{sample}");
        assert!(told.loads > 0 && told.stores > 0 && told.blocks > 0, "{sample}: {told:?}");
        assert!(told.walk_loads >= 4 * (told.loads + told.stores), "{sample}: every access is walked for: {told:?}");
        // The kernel layer maps pages accessed and dirty, as Linux does, so that there is nothing left to set.
        assert_eq!((told.walk_updates, told.faults > 0), (0, true), "{sample}: {told:?}");
    }
}
