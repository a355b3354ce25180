//! Runs a form on the processor.

use super::forms::Form;
use super::state::TestState;
use memmap2::{Mmap, MmapMut};

/// Bytes of code a form gets.
const SLOT: usize = 64;

/// fxrstor64 \[rdi\]; push \[rcx\]; popfq; mov rax, \[rcx + 8\].
const BEFORE: [u8; 11] = [0x48, 0x0f, 0xae, 0x0f, 0xff, 0x31, 0x9d, 0x48, 0x8b, 0x41, 0x08];
/// fxsave64 \[rsi\]; mov \[rcx + 8\], rax; pushfq; pop \[rcx\]; fninit; ret. FXSAVE does not wait, so an unmasked exception
/// is seen, and FNINIT drops it.
const AFTER: [u8; 14] = [0x48, 0x0f, 0xae, 0x06, 0x48, 0x89, 0x41, 0x08, 0x9c, 0x8f, 0x01, 0xdb, 0xe3, 0xc3];

/// An FXSAVE area.
#[repr(C, align(16))]
struct Area([u8; 512]);

/// The executable code of all forms.
pub(crate) struct Native {
    code: Mmap,
}

impl Native {
    pub(crate) fn new(forms: &[Form]) -> Self {
        let mut code = MmapMut::map_anon(SLOT * forms.len().max(1)).expect("memory for code");
        for (slot, form) in code.chunks_exact_mut(SLOT).zip(forms) {
            let bytes = [&BEFORE[..], &form.bytes, &AFTER].concat();
            slot[..bytes.len()].copy_from_slice(&bytes);
        }
        Self { code: code.make_exec().expect("executable memory") }
    }

    /// Runs form `n`.
    pub(crate) fn run(&self, n: usize, state: &mut TestState) {
        let (start, mut end) = (Area(state.image), Area([0; 512]));
        let mut words = [state.flags, state.rax];
        let code = self.code[SLOT * n..].as_ptr();
        // SAFETY: the slot holds a complete function in the System V convention. It reads the FXSAVE area (whose MXCSR is
        // valid), writes the other area, the two words and at most the memory operand, and clobbers what callees may.
        unsafe {
            let function: extern "sysv64" fn(*const Area, *mut Area, *mut u8, *mut u64) = std::mem::transmute(code);
            function(&start, &mut end, state.memory.as_mut_ptr(), words.as_mut_ptr());
        }
        state.image = end.0;
        state.flags = words[0];
        state.rax = words[1];
        state.forget_addresses(code as u64 + BEFORE.len() as u64, state.memory.as_ptr() as u64);
    }
}
