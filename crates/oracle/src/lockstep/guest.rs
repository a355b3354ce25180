//! The machine's side: a machine that has loaded the program, and views of its registers and memory.

use crate::isa::registers::{PKRU_DEFAULT, Registers};
use arch::{Access, AccessKind, FRAME_SIZE, LinearAddr, PhysAddr, Privilege};
use kernel::fs::{BufferConsole, Captured, ViewConfig};
use machine::{Ending, Interrupt, Machine, MachineConfig, Stop, Stopped};
use paging::{PhysMem, Step, Walk};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

/// A machine that runs a program.
pub struct Guest {
    machine: Machine,
    output: Rc<RefCell<Captured>>,
}

impl Guest {
    /// A machine at the entry of a program, with an empty environment and no input.
    ///
    /// # Errors
    /// In words, if there is no machine or the program cannot be loaded.
    pub fn start(program: &Path, args: &[String]) -> Result<Self, String> {
        let console = BufferConsole::new("");
        let output = console.captured();
        let cwd = std::env::current_dir().map_err(|error| error.to_string())?;
        let config = MachineConfig::new(ViewConfig { cwd, ..ViewConfig::default() });
        let mut machine =
            Machine::new(config, Box::new(console), Interrupt::new()).map_err(|error| error.to_string())?;
        let path = program.to_string_lossy().into_owned().into_bytes();
        let argv: Vec<Vec<u8>> =
            std::iter::once(path.clone()).chain(args.iter().map(|a| a.clone().into_bytes())).collect();
        machine.exec(&path, &argv, &[]).map_err(|error| format!("{error:?}"))?;
        Ok(Self { machine, output })
    }

    /// Runs so many instructions, system calls and page faults included. `Some` if the program ended.
    pub fn advance(&mut self, instructions: u64) -> Option<Ending> {
        let until = self.machine.cpu().retired() + instructions;
        match self.machine.run_until(Stop::After(until)) {
            Stopped::Ended(ending) => Some(ending),
            Stopped::There | Stopped::AtFault(_) => None,
        }
    }

    /// All registers but PKRU, which programs here do not use.
    #[must_use]
    pub fn regs(&self) -> Registers {
        Registers { pkru: PKRU_DEFAULT, ..Registers::from_context(&self.machine.cpu().context()) }
    }

    /// What the program has written so far.
    #[must_use]
    pub fn output(&self) -> Captured {
        self.output.borrow().clone()
    }

    /// Reads memory page by page. Gives what comes before the first page that is not there.
    #[must_use]
    pub fn read(&self, la: u64, len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < len {
            let at = LinearAddr(la.wrapping_add(out.len() as u64));
            let Some(pa) = self.translate(at) else { break };
            let in_page = (FRAME_SIZE - at.page_offset()) as usize;
            let mut part = vec![0; in_page.min(len - out.len())];
            self.machine.cpu().mmu().bus.read(pa, &mut part);
            out.extend(part);
        }
        out
    }

    fn translate(&self, la: LinearAddr) -> Option<PhysAddr> {
        let mmu = self.machine.cpu().mmu();
        let mut walk = Walk::start(mmu.context(), la, Access::new(AccessKind::Read, Privilege::User));
        let mut step = walk.first();
        while let Step::Load(pa) = step {
            step = walk.step(mmu.bus.load_entry(pa));
        }
        if let Step::Done(translation) = step { Some(translation.apply(la)) } else { None }
    }
}
