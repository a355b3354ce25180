//! Names of the machines that programs are built for.

use goblin::elf::header as h;

/// The usual name of the machine with number `e_machine`.
pub(crate) const fn name(e_machine: u16) -> &'static str {
    match e_machine {
        h::EM_X86_64 => "x86-64",
        h::EM_386 | h::EM_IAMCU => "i386",
        h::EM_AARCH64 => "aarch64",
        h::EM_ARM => "arm",
        h::EM_RISCV => "riscv",
        h::EM_PPC64 => "powerpc64",
        h::EM_PPC => "powerpc",
        h::EM_S390 => "s390x",
        h::EM_MIPS | h::EM_MIPS_RS3_LE => "mips",
        h::EM_SPARC | h::EM_SPARC32PLUS => "sparc",
        h::EM_SPARCV9 => "sparc64",
        h::EM_IA_64 => "ia64",
        h::EM_68K => "m68k",
        h::EM_SH => "sh",
        h::EM_PARISC => "parisc",
        h::EM_BPF => "bpf",
        h::EM_XTENSA => "xtensa",
        h::EM_MICROBLAZE => "microblaze",
        h::EM_AVR => "avr",
        h::EM_MSP430 => "msp430",
        h::EM_CUDA => "cuda",
        h::EM_AMDGPU => "amdgpu",
        0x9026 => "alpha",
        258 => "loongarch",
        252 => "csky",
        h::EM_NONE => "no machine",
        _ => "an unknown machine",
    }
}
