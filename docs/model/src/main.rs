//! A model of one's own, in a crate of its own: a TLB of four pages, of which the oldest goes first. It counts walks by page.

use pagewalk::model::{Access, AccessKind, Detail, HardwareModel, Invalidation, LinearAddr, PagingContext};
use pagewalk::model::{Translation, TranslationCache};
use pagewalk::{BufferConsole, Interrupt, Machine, MachineConfig, ViewConfig};
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
struct FourPages {
    held: VecDeque<(LinearAddr, Translation)>,
    displaced: Vec<LinearAddr>,
    walks: BTreeMap<LinearAddr, u64>,
}

impl TranslationCache for FourPages {
    fn lookup(&mut self, _: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        let (_, translation) = self.held.iter().find(|(page, _)| *page == la.page_base())?;
        // A first write has to walk, to set D.
        (access.kind != AccessKind::Write || translation.dirty).then_some(*translation)
    }

    fn fill(&mut self, _: &PagingContext, la: LinearAddr, _: AccessKind, translation: &Translation) {
        let page = la.page_base();
        *self.walks.entry(page).or_default() += 1;
        self.held.retain(|(held, _)| *held != page);
        self.held.push_back((page, *translation));
        if self.held.len() > 4 {
            self.displaced.extend(self.held.pop_front().map(|(page, _)| page));
        }
    }

    fn displaced(&mut self) -> Option<LinearAddr> {
        self.displaced.pop()
    }

    fn invalidate(&mut self, _: Invalidation) {
        self.held.clear();
    }
}

impl HardwareModel for FourPages {
    const DETAIL: Detail = Detail::FilteredTlb;
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = std::env::args().nth(1).ok_or("which program?")?;
    let config = MachineConfig::new(ViewConfig { cwd: std::env::current_dir()?, ..ViewConfig::default() });
    let console = Box::new(BufferConsole::new(""));
    let mut machine = Machine::with_model(config, console, Interrupt::new(), FourPages::default())?;
    machine.exec(program.as_bytes(), &[program.clone().into_bytes()], &[])?;
    machine.run();
    for (page, walks) in &machine.cpu().mmu().model.walks {
        println!("{walks:8} walks for the page at {:#x}", page.0);
    }
    Ok(())
}
