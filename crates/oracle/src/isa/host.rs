//! What this machine's processor has: a form is compared only where its features are there, on the vendor whose choices
//! the core makes where the architecture leaves one.

use iced_x86::{Code, CpuidFeature as F};
use std::arch::x86_64::{__cpuid, __cpuid_count};

/// Why a form cannot be compared on this machine; `None` if it can.
#[must_use]
pub fn obstacle(code: Code) -> Option<String> {
    if __cpuid(0).ebx != u32::from_le_bytes(*b"Genu") {
        return Some("the core is compared with Intel's processors".to_string());
    }
    let lacking = code.cpuid_features().iter().find(|&&feature| !has(feature))?;
    Some(format!("this processor lacks {lacking:?}"))
}

/// True if CPUID reports a feature. What every 64-bit processor has is not asked for.
fn has(feature: F) -> bool {
    let (one, seven, extended) = (__cpuid(1), __cpuid_count(7, 0), __cpuid(0x8000_0001));
    let xsave = __cpuid_count(0xd, 1).eax;
    let (word, bit) = match feature {
        F::SSE3 => (one.ecx, 0),
        F::PCLMULQDQ => (one.ecx, 1),
        F::SSSE3 => (one.ecx, 9),
        F::FMA => (one.ecx, 12),
        F::CMPXCHG16B => (one.ecx, 13),
        F::SSE4_1 => (one.ecx, 19),
        F::SSE4_2 => (one.ecx, 20),
        F::MOVBE => (one.ecx, 22),
        F::POPCNT => (one.ecx, 23),
        F::AES => (one.ecx, 25),
        F::XSAVE => (one.ecx, 27),
        F::AVX => (one.ecx, 28),
        F::F16C => (one.ecx, 29),
        F::RDRAND => (one.ecx, 30),
        F::FSGSBASE => (seven.ebx, 0),
        F::BMI1 => (seven.ebx, 3),
        F::AVX2 => (seven.ebx, 5),
        F::BMI2 => (seven.ebx, 8),
        F::RDSEED => (seven.ebx, 18),
        F::ADX => (seven.ebx, 19),
        F::CLFLUSHOPT => (seven.ebx, 23),
        F::SHA => (seven.ebx, 29),
        F::PKU => (seven.ecx, 4),
        F::RDPID => (seven.ecx, 22),
        F::LZCNT => (extended.ecx, 5),
        F::PREFETCHW => (extended.ecx, 8),
        F::RDTSCP => (extended.edx, 27),
        F::XSAVEOPT => (xsave, 0),
        F::XSAVEC => (xsave, 1),
        _ => (1, 0),
    };
    word >> bit & 1 != 0
}
