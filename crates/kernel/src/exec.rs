//! execve: a file becomes the program that the process runs.
//!
//! Protocol. Everything that can be refused is looked at first (the file, its format, the size of the arguments), and
//! the new address space is built beside the old one. Only then does the old one go, and with it handlers, the alternate
//! stack, and descriptors that close on exec.

mod stack;

use crate::fs::{FsCx, InodeId, Vfs};
use crate::kernel::Kernel;
use crate::mm::{Mm, MmCx, MmPrctl, mmap_base};
use crate::process::Resource;
use crate::signal::{Signal, initial_state};
use crate::{Errno, Hw};
use arch::{LinearAddr, UserContext};
use event::Event;
use loader::{Image, Layout, LoadError, LoadPlan, ReadAt, ReadError};
use stack::StackPlan;
use std::rc::Rc;
use thiserror::Error;

/// The longest argument or environment string, with its NUL (MAX_ARG_STRLEN).
pub(crate) const MAX_ARG_BYTES: usize = 32 * 4096;
/// All strings and pointers together: at most three quarters of the default stack limit, at least what POSIX knew
/// (`bprm_stack_limits`).
pub(crate) const MOST_ARG_BYTES: u64 = (8 << 20) / 4 * 3;
const LEAST_ARG_BYTES: u64 = 131_072;
/// How many interpreters may stand before a program: a script for a script.
const MAX_INTERPRETERS: usize = 5;

/// Why a program could not be started.
#[derive(Debug, Error)]
pub enum ExecError {
    /// The file cannot be had.
    #[error("cannot execute {path}: {}", errno.text())]
    File {
        /// The guest path.
        path: String,
        /// Why.
        errno: Errno,
    },
    /// The file is no program that can be run.
    #[error("cannot execute {path}")]
    Load {
        /// The guest path.
        path: String,
        /// The loader's diagnosis.
        #[source]
        source: LoadError,
    },
    /// The dynamic loader that the program asks for cannot be had.
    #[error("cannot execute {path}: it asks for the dynamic loader {interpreter}: {}", errno.text())]
    Interpreter {
        /// The guest path.
        path: String,
        /// The dynamic loader's.
        interpreter: String,
        /// Why.
        errno: Errno,
    },
    /// The arguments and the environment do not fit.
    #[error("cannot execute {path}: the arguments and the environment are too long")]
    TooBig {
        /// The guest path.
        path: String,
    },
    /// There is too little RAM, or address space, for the program.
    #[error("cannot execute {path}: {}", errno.text())]
    Memory {
        /// The guest path.
        path: String,
        /// What went wrong.
        errno: Errno,
    },
}

impl ExecError {
    /// The exit status by which a shell reports it: 127 for a program that is not there, 126 for one that does not run.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::File { errno: Errno::ENOENT | Errno::ENOTDIR, .. } => 127,
            _ => 126,
        }
    }

    /// What execve returns for it.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            Self::File { errno, .. } | Self::Memory { errno, .. } | Self::Interpreter { errno, .. } => *errno,
            Self::Load { source: LoadError::Read(error), .. } => Errno::from_raw(error.errno),
            Self::Load { .. } => Errno::ENOEXEC,
            Self::TooBig { .. } => Errno::E2BIG,
        }
    }
}

/// A file, ready to be mapped, and what it is started with.
struct Program {
    inode: InodeId,
    plan: LoadPlan,
    /// The dynamic loader, if it asks for one.
    loader: Option<DynamicLoader>,
    /// The path that was asked for: AT_EXECFN, also if it is a script.
    path: Vec<u8>,
    argv: Vec<Vec<u8>>,
}

/// The file that PT_INTERP names: it is mapped beside the program, starts in its place, and does the rest in user mode.
struct DynamicLoader {
    inode: InodeId,
    plan: LoadPlan,
}

impl Program {
    /// The first instruction that runs.
    fn start(&self) -> LinearAddr {
        self.loader.as_ref().map_or(self.plan.entry, |loader| loader.plan.entry)
    }
}

impl Kernel {
    /// Replaces what the process runs by the program at a guest path, and gives the registers to start with.
    ///
    /// # Errors
    /// [`ExecError`]; the process is then as before.
    pub fn exec(
        &mut self,
        hw: &mut Hw<'_>,
        path: &[u8],
        argv: &[Vec<u8>],
        envp: &[Vec<u8>],
    ) -> Result<UserContext, ExecError> {
        let program = self.open_program(hw, path, argv)?;
        let started = self.start_program(hw, &program, envp);
        self.put_program(hw, program.inode, program.loader.as_ref());
        self.frames.events.flush(hw);
        started
    }

    /// Gives back the inodes: the mappings have their own.
    fn put_program(&mut self, hw: &mut Hw<'_>, inode: InodeId, loader: Option<&DynamicLoader>) {
        let (vfs, _, mut cx) = self.fs_cx(hw);
        vfs.inode_put(&mut cx, inode);
        if let Some(loader) = loader {
            vfs.inode_put(&mut cx, loader.inode);
        }
    }

    /// Finds the file, follows `#!` lines, and makes the plan. The inode carries a reference.
    fn open_program(&mut self, hw: &mut Hw<'_>, path: &[u8], argv: &[Vec<u8>]) -> Result<Program, ExecError> {
        let mut file = path.to_vec();
        let mut argv = argv.to_vec();
        if argv.is_empty() {
            argv.push(Vec::new()); // a program always has a name, if an empty one
        }
        for _ in 0..=MAX_INTERPRETERS {
            let cwd = self.current.fs.cwd();
            let failed = |errno| ExecError::File { path: lossy(&file), errno };
            let inode = self.vfs.open_exec(cwd, &file).map_err(failed)?;
            let (vfs, _, mut cx) = self.fs_cx(hw);
            let image = loader::load(&mut InodeReader { vfs, cx: &mut cx, inode }, &Layout::default());
            match image {
                Ok(Image::Script { interpreter, argument }) => {
                    vfs.inode_put(&mut cx, inode);
                    let script = std::mem::replace(&mut file, interpreter.clone());
                    argv.splice(..1, std::iter::once(interpreter).chain(argument).chain([script]));
                }
                image => {
                    let ready = image.and_then(Image::into_elf);
                    let ready = ready.map_err(|source| ExecError::Load { path: lossy(&file), source });
                    let ready = ready.and_then(|plan| Ok((self.open_loader(hw, &file, &plan)?, plan)));
                    if ready.is_err() {
                        self.put_program(hw, inode, None);
                    }
                    return ready.map(|(loader, plan)| Program { inode, plan, loader, path: path.to_vec(), argv });
                }
            }
        }
        Err(ExecError::File { path: lossy(path), errno: Errno::ELOOP })
    }

    /// Opens the dynamic loader that a program asks for. It goes right below where mappings start (`load_elf_interp`).
    fn open_loader(
        &mut self,
        hw: &mut Hw<'_>,
        program: &[u8],
        plan: &LoadPlan,
    ) -> Result<Option<DynamicLoader>, ExecError> {
        let Some(path) = &plan.interpreter else { return Ok(None) };
        let failed = |errno| ExecError::Interpreter { path: lossy(program), interpreter: lossy(path), errno };
        let inode = self.vfs.open_exec(self.current.fs.cwd(), path).map_err(failed)?;
        let top = mmap_base(self.current.limits.of_mm().stack);
        let (vfs, _, mut cx) = self.fs_cx(hw);
        let mut reader = InodeReader { vfs, cx: &mut cx, inode };
        let loaded = loader::load(&mut reader, &Layout::default()).and_then(Image::into_elf).and_then(|plan| {
            let pie_base = LinearAddr(top.0.saturating_sub(plan.span().len()));
            loader::load(&mut reader, &Layout { pie_base, ..Layout::default() }).and_then(Image::into_elf)
        });
        match loaded {
            Ok(plan) => Ok(Some(DynamicLoader { inode, plan })),
            Err(source) => {
                self.put_program(hw, inode, None);
                Err(ExecError::Load { path: lossy(path), source })
            }
        }
    }

    fn start_program(
        &mut self,
        hw: &mut Hw<'_>,
        program: &Program,
        envp: &[Vec<u8>],
    ) -> Result<UserContext, ExecError> {
        let stack_limit = self.current.limits.get(Resource::Stack).soft;
        if !arguments_fit(&program.argv, envp, stack_limit) {
            return Err(ExecError::TooBig { path: lossy(&program.path) });
        }
        let mut random = [0; 16];
        self.random.fill(&mut random);
        let stack = StackPlan {
            plan: &program.plan,
            loader_bias: program.loader.as_ref().map_or(0, |loader| loader.plan.bias),
            path: &program.path,
            argv: &program.argv,
            envp,
            random,
            credentials: self.current.credentials,
            features: self.features,
        }
        .build();
        let failed = |errno| ExecError::Memory { path: lossy(&program.path), errno };
        let mm = self.build_mm(hw, program, &stack).map_err(failed)?;
        self.become_program(hw, program, mm);
        let mut ctx = UserContext::at_entry(program.start(), stack.rsp);
        ctx.set_xstate(initial_state(self.features));
        Ok(ctx)
    }

    /// A new address space with the program and its stack in it.
    fn build_mm(&mut self, hw: &mut Hw<'_>, program: &Program, stack: &stack::InitialStack) -> Result<Mm, Errno> {
        let limits = self.mm_limits();
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid: self.current.pid };
        let mut mm = Mm::new(&mut cx, &self.kernel_half, limits)?;
        mm.set_exe(&mut cx, program.inode);
        if self.features.contains(arch::Features::PKU) {
            mm.enable_pkeys();
        }
        mm.coredump_filter = self.mms[self.current.mm].coredump_filter;
        mm.set_thp_disabled(self.mms[self.current.mm].thp_disabled());
        mm.prctl = MmPrctl { auxv: Rc::clone(&stack.auxv), ..self.mms[self.current.mm].prctl.inherit() };
        mm.prctl.dumpable = self.current.credentials.is_plain();
        let mapped = mm.map_program(&mut cx, &program.plan, program.inode, stack.bytes.len() as u64);
        let mapped = mapped.and_then(|()| match &program.loader {
            Some(loader) => mm.map_segments(&mut cx, &loader.plan, loader.inode),
            None => Ok(()),
        });
        let filled = mapped.and_then(|()| {
            mm.set_start_stack(stack.rsp);
            mm.set_strings(stack.strings);
            mm.copy_to_user(&mut cx, stack.rsp, &stack.bytes).map_err(|_| Errno::ENOMEM)
        });
        match filled {
            Ok(()) => Ok(mm),
            Err(errno) => {
                mm.drop_all(&mut cx);
                Err(errno)
            }
        }
    }

    /// The point of no return (`begin_new_exec`).
    fn become_program(&mut self, hw: &mut Hw<'_>, program: &Program, mm: Mm) {
        self.exit_robust_list(hw);
        self.clear_child_tid(hw);
        let new = self.mms.insert(mm);
        let old = std::mem::replace(&mut self.current.mm, new);
        self.put_mm(hw, old);
        self.end_vfork();
        let (pid, space, file) = (self.current.pid, self.mm().space(), program.inode.file_id());
        self.frames.events.record(hw, &Event::Exec { pid, space, file });
        self.delete_posix_timers();
        self.current.signals.exec();
        self.current.has_executed = true;
        self.current.capabilities.exec(self.current.credentials.user);
        self.current.exit_signal = Some(Signal::CHLD);
        self.current.set_comm(&program.path);
        let (vfs, process, mut cx) = self.fs_cx(hw);
        process.files = vfs.unshare_fd_table(process.files);
        vfs.close_on_exec(&mut cx, process.files);
        let exe = vfs.inode_name(program.inode);
        vfs.proc_set_exe(process.pid.0, exe);
    }
}

/// Whether strings and pointers stay within a quarter of the stack limit (`bprm_stack_limits`), and each string within
/// its own limit.
fn arguments_fit(argv: &[Vec<u8>], envp: &[Vec<u8>], stack_limit: u64) -> bool {
    let all = || argv.iter().chain(envp);
    let limit = MOST_ARG_BYTES.min(stack_limit / 4).max(LEAST_ARG_BYTES);
    let strings: u64 = all().map(|text| text.len() as u64 + 1).sum();
    let pointers = 8 * (argv.len() + envp.len()) as u64;
    all().all(|text| text.len() < MAX_ARG_BYTES) && strings + pointers <= limit
}

fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// A file as the loader reads it: through the page cache.
struct InodeReader<'a, 'b> {
    vfs: &'a mut Vfs,
    cx: &'a mut FsCx<'b>,
    inode: InodeId,
}

impl ReadAt for InodeReader<'_, '_> {
    fn len(&self) -> u64 {
        self.vfs.inode_size(self.inode)
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.vfs.read_at(self.cx, self.inode, offset, buf).map_err(|errno| ReadError { errno: errno as i32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_on_arguments_are_linuxs() {
        let fits = |argv: &[Vec<u8>], stack| arguments_fit(argv, &[], stack);
        assert!(fits(&[vec![b'x'; MAX_ARG_BYTES - 1]], u64::MAX));
        assert!(!fits(&[vec![b'x'; MAX_ARG_BYTES]], u64::MAX), "one string of 128 KiB");
        let kib = vec![vec![b'x'; 1023 - 8]; 6144];
        assert!(fits(&kib[..6000], u64::MAX));
        assert!(!fits(&[kib.clone(), kib].concat(), u64::MAX), "more than 6 MiB");
        assert!(!fits(&vec![vec![b'x'; 1000]; 3000], 8 << 20), "more than a quarter of the stack");
        assert!(fits(&vec![vec![b'x'; 1000]; 100], 4096), "128 KiB always fit");
    }
}
