//! Which instructions there are on a processor with a given set of features.
//!
//! What belongs to a feature that the set lacks is no instruction: #UD. The exceptions are encodings that older processors
//! take for another instruction, LZCNT and TZCNT for BSR and BSF; those are a matter of decoder options.

use arch::Features;
use iced_x86::{CpuidFeature, DecoderOptions, Instruction, Mnemonic};

/// How the decoder takes encodings that mean something else without a feature.
pub(crate) const fn options(features: Features) -> u32 {
    // A processor without CET, MPX and the like takes their opcodes, 0F 18 to 0F 1F, for no-operations.
    let mut options = DecoderOptions::FORCE_RESERVED_NOP | DecoderOptions::NO_WBNOINVD;
    if !features.contains(Features::BMI1) {
        options |= DecoderOptions::NO_MPFX_0FBC;
    }
    if !features.contains(Features::LZCNT) {
        options |= DecoderOptions::NO_MPFX_0FBD;
    }
    options
}

/// True if a processor with these features has the instruction.
pub(crate) fn has(features: Features, insn: &Instruction) -> bool {
    if matches!(insn.mnemonic(), Mnemonic::Lahf | Mnemonic::Sahf) && !features.contains(Features::LAHF) {
        return false;
    }
    insn.cpuid_features().iter().all(|&f| needed(f).is_some_and(|needed| features.contains(needed)))
}

/// The features that stand for the decoder's. `None` for what no processor modelled here has.
fn needed(feature: CpuidFeature) -> Option<Features> {
    use CpuidFeature as F;
    Some(match feature {
        F::INTEL8086 | F::INTEL186 | F::INTEL286 | F::INTEL386 | F::INTEL486 | F::X64 | F::CPUID | F::SEP => {
            Features::empty()
        }
        F::FPU | F::FPU287 | F::FPU387 | F::MULTIBYTENOP | F::PAUSE | F::RDPMC => Features::empty(),
        F::CMOV => Features::CMOV,
        F::CX8 => Features::CX8,
        F::MSR => Features::MSR,
        F::TSC => Features::TSC,
        F::MMX => Features::MMX,
        F::FXSR => Features::FXSR,
        F::SSE => Features::SSE,
        F::SSE2 => Features::SSE2,
        F::SYSCALL => Features::SYSCALL,
        F::CLFSH => Features::CLFLUSH,
        F::CMPXCHG16B => Features::CX16,
        F::SSE3 => Features::SSE3,
        F::SSSE3 => Features::SSSE3,
        F::SSE4_1 => Features::SSE4_1,
        F::SSE4_2 => Features::SSE4_2,
        F::POPCNT => Features::POPCNT,
        F::PCLMULQDQ => Features::PCLMULQDQ,
        F::AES => Features::AES,
        F::SHA => Features::SHA,
        F::AVX => Features::AVX,
        F::AVX2 => Features::AVX2,
        F::FMA => Features::FMA,
        F::F16C => Features::F16C,
        F::BMI1 => Features::BMI1,
        F::BMI2 => Features::BMI2,
        F::ADX => Features::ADX,
        F::LZCNT => Features::LZCNT,
        F::MOVBE => Features::MOVBE,
        F::RDRAND => Features::RDRAND,
        F::RDSEED => Features::RDSEED,
        F::RDTSCP => Features::RDTSCP,
        F::RDPID => Features::RDPID,
        F::FSGSBASE => Features::FSGSBASE,
        F::INVPCID => Features::INVPCID,
        F::CLFLUSHOPT => Features::CLFLUSHOPT,
        F::CLWB => Features::CLWB,
        F::PREFETCHW => Features::PREFETCHW,
        F::XSAVE => Features::XSAVE,
        F::XSAVEOPT => Features::XSAVEOPT,
        F::XSAVEC => Features::XSAVEC,
        F::XSAVES => Features::XSAVES,
        F::PKU => Features::PKU,
        _ => return None,
    })
}
