//! Which forms there are: every `Code` that encodes in 64-bit mode, whose features x86-64-v3 and its companions have.

use iced_x86::{Code, CpuidFeature as F, EncodingKind, Mnemonic};

/// The features of the core. A form belongs to the core if all its features are here.
const FEATURES: &[F] = &[
    F::INTEL8086,
    F::INTEL186,
    F::INTEL286,
    F::INTEL386,
    F::INTEL486,
    F::X64,
    F::CMOV,
    F::CX8,
    F::CMPXCHG16B,
    F::CPUID,
    F::MULTIBYTENOP,
    F::PAUSE,
    F::SYSCALL,
    F::SEP,
    F::TSC,
    F::MSR,
    F::RDPMC,
    F::FPU,
    F::FPU287,
    F::FPU387,
    F::MMX,
    F::FXSR,
    F::SSE,
    F::SSE2,
    F::SSE3,
    F::SSSE3,
    F::SSE4_1,
    F::SSE4_2,
    F::POPCNT,
    F::LZCNT,
    F::MOVBE,
    F::BMI1,
    F::BMI2,
    F::ADX,
    F::AVX,
    F::AVX2,
    F::FMA,
    F::F16C,
    F::AES,
    F::PCLMULQDQ,
    F::SHA,
    F::XSAVE,
    F::XSAVEOPT,
    F::XSAVEC,
    F::FSGSBASE,
    F::RDTSCP,
    F::RDRAND,
    F::RDSEED,
    F::RDPID,
    F::PKU,
    F::CLFSH,
    F::CLFLUSHOPT,
    F::PREFETCHW,
    F::CET_IBT,
];

/// A form, and what is to be known about the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The encoding.
    pub code: Code,
    /// How its answer is judged.
    pub judgement: Judgement,
}

/// How a form is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Bit by bit.
    Exact,
    /// ST(0) and ST(1) within one unit in the last place; C1 and the precision flag are not compared.
    OneUlp,
    /// Its destination registers and what flags it has are not compared: they differ from run to run.
    Volatile(&'static str),
    /// It is not executed natively, for this reason; the core must execute it or raise an exception.
    Exempt(&'static str),
}

/// All forms of the core, in the order of iced's table.
pub fn all() -> impl Iterator<Item = Form> {
    Code::values().filter(|&code| belongs(code)).map(|code| Form { code, judgement: judgement(code) })
}

/// The feature that a form is listed under.
#[must_use]
pub fn feature(code: Code) -> String {
    let names: Vec<String> = code.cpuid_features().iter().map(|f| format!("{f:?}")).collect();
    names.join(" and ")
}

fn belongs(code: Code) -> bool {
    let op = code.op_code();
    op.is_instruction()
        && op.mode64()
        && op.intel_decoder64()
        && matches!(op.encoding(), EncodingKind::Legacy | EncodingKind::VEX)
        && code.cpuid_features().iter().all(|f| FEATURES.contains(f))
        && !is_other_processors(code)
}

/// Encodings that Intel's processors do not have under these features, or that stand for another.
fn is_other_processors(code: Code) -> bool {
    use Code::*;
    matches!(code, Jmpe_disp16 | Jmpe_disp32 | Jmpe_rm16 | Jmpe_rm32 | Prefetch_m8)
        || code.op_code().decoder_option() != 0 && !code.op_code().is_reserved_nop()
}

fn judgement(code: Code) -> Judgement {
    use Judgement::{Exact, Exempt, OneUlp, Volatile};
    use Mnemonic as M;
    match code.mnemonic() {
        M::Fsin | M::Fcos | M::Fsincos | M::Fptan | M::Fpatan | M::F2xm1 | M::Fyl2x | M::Fyl2xp1 => OneUlp,
        M::Rdrand | M::Rdseed => Volatile("random"),
        M::Rdtsc | M::Rdtscp => Volatile("the time"),
        M::Rdpid => Volatile("the number of the processor"),
        M::Cpuid => Volatile("the processor's description"),
        M::Xgetbv => Volatile("the enabled features"),
        M::Syscall | M::Sysenter => Exempt("it enters the kernel"),
        M::Sgdt | M::Sidt | M::Sldt | M::Str | M::Smsw => Exempt("Linux emulates it under UMIP"),
        _ => Exact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::encode::plan;
    use crate::isa::random::Random;

    #[test]
    fn every_form_can_be_encoded_as_itself() {
        for form in all() {
            let plan = plan(form.code, &mut Random::new(7)).unwrap_or_else(|| panic!("{:?}", form.code));
            assert_eq!(plan.insn.code(), form.code);
            assert!((1..=15).contains(&plan.bytes.len()), "{:?}", form.code);
        }
    }

    #[test]
    fn the_features_of_the_core_are_there_and_no_others() {
        let has = |code| all().any(|form| form.code == code);
        assert!(has(Code::VEX_Vfmadd231pd_ymm_ymm_ymmm256) && has(Code::Pshufb_mm_mmm64) && has(Code::Fyl2xp1));
        assert!(!has(Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er) && !has(Code::Vmcall) && !has(Code::Extrq_xmm_xmm));
    }
}
