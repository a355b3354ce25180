//! What instructions mean: one function each, or one for a family by operand width and kind.

pub(crate) mod alu;
pub(crate) mod avx;
pub(crate) mod bits;
pub(crate) mod bmi;
pub(crate) mod branch;
pub(crate) mod enter;
pub(crate) mod fused;
pub(crate) mod misc;
pub(crate) mod mmx;
pub(crate) mod mov;
pub(crate) mod muldiv;
pub(crate) mod operand;
pub(crate) mod segments;
pub(crate) mod shift;
pub(crate) mod sse;
pub(crate) mod string;
pub(crate) mod system;
pub(crate) mod x87;
pub(crate) mod xsave;
