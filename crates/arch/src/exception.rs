//! Exceptions other than #PF, as the core raises them (SDM "Exception and Interrupt Reference").

/// An exception that an instruction raises. The vector is Intel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exception {
    /// #DE, vector 0: divide error.
    DivideError,
    /// #DB, vector 1: single step (RFLAGS.TF).
    Debug,
    /// #DB, vector 1: INT1.
    Int1,
    /// #BP, vector 3: INT3.
    Breakpoint,
    /// #OF, vector 4: INT 4, as INTO is no instruction in 64-bit mode.
    Overflow,
    /// #UD, vector 6: invalid opcode.
    InvalidOpcode,
    /// #SS, vector 12: stack fault, here a non-canonical stack address.
    StackFault,
    /// #GP, vector 13, error code 0 or a selector as pushed by INT n.
    GeneralProtection {
        /// The error code.
        code: u32,
    },
    /// #MF, vector 16: unmasked x87 exception.
    X87,
    /// #AC, vector 17: alignment check.
    AlignmentCheck,
    /// #XM, vector 19: unmasked SIMD exception.
    Simd,
}

impl Exception {
    /// The interrupt vector.
    #[must_use]
    pub const fn vector(self) -> u8 {
        match self {
            Self::DivideError => 0,
            Self::Debug | Self::Int1 => 1,
            Self::Breakpoint => 3,
            Self::Overflow => 4,
            Self::InvalidOpcode => 6,
            Self::StackFault => 12,
            Self::GeneralProtection { .. } => 13,
            Self::X87 => 16,
            Self::AlignmentCheck => 17,
            Self::Simd => 19,
        }
    }

    /// The error code that is pushed, 0 where the exception has none.
    #[must_use]
    pub const fn error_code(self) -> u32 {
        match self {
            Self::GeneralProtection { code } => code,
            _ => 0,
        }
    }

    /// Intel's mnemonic.
    #[must_use]
    pub const fn mnemonic(self) -> &'static str {
        match self {
            Self::DivideError => "#DE",
            Self::Debug | Self::Int1 => "#DB",
            Self::Breakpoint => "#BP",
            Self::Overflow => "#OF",
            Self::InvalidOpcode => "#UD",
            Self::StackFault => "#SS",
            Self::GeneralProtection { .. } => "#GP",
            Self::X87 => "#MF",
            Self::AlignmentCheck => "#AC",
            Self::Simd => "#XM",
        }
    }
}

/// #GP(0), raised by a write to a control register or by an invalidation, with the rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GeneralProtection {
    /// The rule's number, MMU-nnn.
    pub rule: &'static str,
}

impl From<GeneralProtection> for Exception {
    fn from(_: GeneralProtection) -> Self {
        Self::GeneralProtection { code: 0 }
    }
}
