//! The 80-bit floating-point format of the x87 registers.
//!
//! A 15-bit exponent with bias 16383 and a 64-bit significand whose integer bit is explicit. Because it is explicit there
//! are encodings that no operation produces: with a non-zero exponent and a clear integer bit (unnormals, pseudo-infinity,
//! pseudo-NaNs) they are invalid operands; with a zero exponent and a set integer bit (pseudo-denormals) they are numbers.

/// A value in a register. Any bit pattern may be in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct F80 {
    /// Significand; bit 63 is the integer bit.
    pub(super) sig: u64,
    /// Sign in bit 15, biased exponent below.
    pub(super) se: u16,
}

/// The integer bit of a significand.
pub(super) const INTEGER: u64 = 1 << 63;
/// The bit that makes a NaN quiet.
pub(super) const QUIET: u64 = 1 << 62;
/// The largest biased exponent: infinities and NaNs.
pub(super) const EXP_MAX: u16 = 0x7fff;
/// The exponent of 1.
pub(super) const BIAS: i32 = 0x3fff;

/// What kind of number an encoding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Zero,
    /// Denormal or pseudo-denormal.
    Denormal,
    Normal,
    Infinity,
    QuietNan,
    SignalingNan,
    /// Unnormal, pseudo-infinity or pseudo-NaN.
    Unsupported,
}

impl F80 {
    pub(super) const ZERO: Self = Self::new(false, 0, 0);
    pub(super) const ONE: Self = Self::new(false, BIAS as u16, INTEGER);
    /// What invalid operations give: "real indefinite".
    pub(super) const INDEFINITE: Self = Self::new(true, EXP_MAX, INTEGER | QUIET);

    pub(super) const fn new(negative: bool, exponent: u16, sig: u64) -> Self {
        Self { sig, se: (negative as u16) << 15 | exponent }
    }

    pub(super) const fn zero(negative: bool) -> Self {
        Self::new(negative, 0, 0)
    }

    pub(super) const fn infinity(negative: bool) -> Self {
        Self::new(negative, EXP_MAX, INTEGER)
    }

    pub(super) const fn negative(self) -> bool {
        self.se >> 15 != 0
    }

    /// The biased exponent.
    pub(super) const fn exponent(self) -> u16 {
        self.se & EXP_MAX
    }

    #[inline(always)]
    pub(super) const fn class(self) -> Class {
        let integer = self.sig & INTEGER != 0;
        match self.exponent() {
            1..EXP_MAX if integer => Class::Normal,
            0 if self.sig == 0 => Class::Zero,
            0 => Class::Denormal,
            _ if !integer => Class::Unsupported,
            EXP_MAX if self.sig == INTEGER => Class::Infinity,
            EXP_MAX if self.sig & QUIET != 0 => Class::QuietNan,
            EXP_MAX => Class::SignalingNan,
            _ => Class::Normal,
        }
    }

    pub(super) const fn is_nan(self) -> bool {
        matches!(self.class(), Class::QuietNan | Class::SignalingNan)
    }

    /// The same NaN, quiet.
    pub(super) const fn quieted(self) -> Self {
        Self { sig: self.sig | QUIET, ..self }
    }

    pub(super) const fn negated(self) -> Self {
        Self { se: self.se ^ 0x8000, ..self }
    }

    pub(super) const fn abs(self) -> Self {
        Self { se: self.se & EXP_MAX, ..self }
    }

    pub(super) fn from_bytes(bytes: [u8; 10]) -> Self {
        Self {
            sig: u64::from_le_bytes(std::array::from_fn(|i| bytes[i])),
            se: u16::from_le_bytes([bytes[8], bytes[9]]),
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.sig.to_le_bytes());
        bytes[8..].copy_from_slice(&self.se.to_le_bytes());
        bytes
    }
}
