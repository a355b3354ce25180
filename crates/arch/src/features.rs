//! Which instructions and properties a processor has: the sets that CPUID reports, that decoding obeys and that the kernel
//! layer tells programs of.
//!
//! One table says of each feature what Linux calls it and which bit of CPUID stands for it, so that nobody else has to.
//! Where the operating system has to switch something on (OSXSAVE, OSPKE), it has done so for every feature that is there.

use bitflags::bitflags;
use std::fmt;
use std::str::FromStr;

/// A word of CPUID that holds feature bits (SDM "CPUID").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeatureWord {
    /// Leaf 1, EDX.
    Leaf1Edx,
    /// Leaf 80000001H, EDX.
    ExtendedEdx,
    /// Leaf 1, ECX.
    Leaf1Ecx,
    /// Leaf 80000001H, ECX.
    ExtendedEcx,
    /// Leaf 7, subleaf 0, EBX.
    Leaf7Ebx,
    /// Leaf 0DH, subleaf 1, EAX.
    LeafDEax,
    /// Leaf 7, subleaf 0, ECX.
    Leaf7Ecx,
}

macro_rules! features {
    ($($(#[doc = $doc:literal])* $flag:ident = $number:literal, $name:literal, $word:ident $bit:literal;)*) => {
        bitflags! {
            /// A set of features.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct Features: u64 {
                $($(#[doc = $doc])* const $flag = 1 << $number;)*
            }
        }

        /// Each feature with its name in /proc/cpuinfo and its bit, in the order of Linux's list.
        const TABLE: &[(Features, &str, FeatureWord, u32)] =
            &[$((Features::$flag, $name, FeatureWord::$word, $bit)),*];
    };
}

features! {
    /// x87.
    FPU = 0, "fpu", Leaf1Edx 0;
    /// RDTSC.
    TSC = 1, "tsc", Leaf1Edx 4;
    /// RDMSR and WRMSR.
    MSR = 2, "msr", Leaf1Edx 5;
    /// Physical addresses beyond 32 bits.
    PAE = 3, "pae", Leaf1Edx 6;
    /// CMPXCHG8B.
    CX8 = 4, "cx8", Leaf1Edx 8;
    /// Global pages.
    PGE = 5, "pge", Leaf1Edx 13;
    /// CMOVcc.
    CMOV = 6, "cmov", Leaf1Edx 15;
    /// The page attribute table.
    PAT = 7, "pat", Leaf1Edx 16;
    /// CLFLUSH.
    CLFLUSH = 8, "clflush", Leaf1Edx 19;
    /// MMX.
    MMX = 9, "mmx", Leaf1Edx 23;
    /// FXSAVE.
    FXSR = 10, "fxsr", Leaf1Edx 24;
    /// SSE.
    SSE = 11, "sse", Leaf1Edx 25;
    /// SSE2.
    SSE2 = 12, "sse2", Leaf1Edx 26;
    /// SYSCALL.
    SYSCALL = 13, "syscall", ExtendedEdx 11;
    /// Execute-disable.
    NX = 14, "nx", ExtendedEdx 20;
    /// Pages of 1 GiB.
    GBPAGES = 15, "pdpe1gb", ExtendedEdx 26;
    /// RDTSCP.
    RDTSCP = 16, "rdtscp", ExtendedEdx 27;
    /// 64-bit mode.
    LM = 17, "lm", ExtendedEdx 29;
    /// SSE3.
    SSE3 = 18, "pni", Leaf1Ecx 0;
    /// PCLMULQDQ.
    PCLMULQDQ = 19, "pclmulqdq", Leaf1Ecx 1;
    /// SSSE3.
    SSSE3 = 20, "ssse3", Leaf1Ecx 9;
    /// Fused multiplication and addition.
    FMA = 21, "fma", Leaf1Ecx 12;
    /// CMPXCHG16B.
    CX16 = 22, "cx16", Leaf1Ecx 13;
    /// SSE4.1.
    SSE4_1 = 23, "sse4_1", Leaf1Ecx 19;
    /// SSE4.2.
    SSE4_2 = 24, "sse4_2", Leaf1Ecx 20;
    /// MOVBE.
    MOVBE = 25, "movbe", Leaf1Ecx 22;
    /// POPCNT.
    POPCNT = 26, "popcnt", Leaf1Ecx 23;
    /// AESENC and its like.
    AES = 27, "aes", Leaf1Ecx 25;
    /// XSAVE, XRSTOR, XGETBV.
    XSAVE = 28, "xsave", Leaf1Ecx 26;
    /// AVX.
    AVX = 29, "avx", Leaf1Ecx 28;
    /// Conversion of half-precision numbers.
    F16C = 30, "f16c", Leaf1Ecx 29;
    /// RDRAND.
    RDRAND = 31, "rdrand", Leaf1Ecx 30;
    /// LAHF and SAHF in 64-bit mode.
    LAHF = 32, "lahf_lm", ExtendedEcx 0;
    /// LZCNT.
    LZCNT = 33, "abm", ExtendedEcx 5;
    /// PREFETCHW.
    PREFETCHW = 34, "3dnowprefetch", ExtendedEcx 8;
    /// RDFSBASE and its like.
    FSGSBASE = 35, "fsgsbase", Leaf7Ebx 0;
    /// ANDN, TZCNT and their like.
    BMI1 = 36, "bmi1", Leaf7Ebx 3;
    /// AVX2.
    AVX2 = 37, "avx2", Leaf7Ebx 5;
    /// Supervisor-mode execution prevention.
    SMEP = 38, "smep", Leaf7Ebx 7;
    /// PEXT, MULX and their like.
    BMI2 = 39, "bmi2", Leaf7Ebx 8;
    /// REP MOVSB and REP STOSB are fast.
    ERMS = 40, "erms", Leaf7Ebx 9;
    /// INVPCID.
    INVPCID = 41, "invpcid", Leaf7Ebx 10;
    /// RDSEED.
    RDSEED = 42, "rdseed", Leaf7Ebx 18;
    /// ADCX and ADOX.
    ADX = 43, "adx", Leaf7Ebx 19;
    /// Supervisor-mode access prevention.
    SMAP = 44, "smap", Leaf7Ebx 20;
    /// CLFLUSHOPT.
    CLFLUSHOPT = 45, "clflushopt", Leaf7Ebx 23;
    /// CLWB.
    CLWB = 46, "clwb", Leaf7Ebx 24;
    /// SHA1 and SHA256.
    SHA = 47, "sha_ni", Leaf7Ebx 29;
    /// XSAVEOPT.
    XSAVEOPT = 48, "xsaveopt", LeafDEax 0;
    /// XSAVEC, and XRSTOR of its images.
    XSAVEC = 49, "xsavec", LeafDEax 1;
    /// XGETBV with ECX=1.
    XGETBV1 = 50, "xgetbv1", LeafDEax 2;
    /// XSAVES and XRSTORS, for CPL 0.
    XSAVES = 51, "xsaves", LeafDEax 3;
    /// SGDT and its like are for CPL 0.
    UMIP = 52, "umip", Leaf7Ecx 2;
    /// Protection keys for user-mode pages.
    PKU = 53, "pku", Leaf7Ecx 3;
    /// RDPID.
    RDPID = 54, "rdpid", Leaf7Ecx 22;
}

/// What a feature cannot be without.
const NEEDS: &[(Features, Features)] = &[
    (Features::SSE3, Features::SSE2),
    (Features::SSSE3, Features::SSE3),
    (Features::SSE4_1, Features::SSSE3),
    (Features::SSE4_2, Features::SSE4_1),
    (Features::AES, Features::SSE2),
    (Features::PCLMULQDQ, Features::SSE2),
    (Features::SHA, Features::SSE2),
    (Features::AVX, Features::SSE4_2.union(Features::XSAVE)),
    (Features::F16C, Features::AVX),
    (Features::FMA, Features::AVX),
    (Features::AVX2, Features::AVX),
    (Features::PKU, Features::XSAVE),
    (Features::XSAVEOPT, Features::XSAVE),
    (Features::XSAVEC, Features::XSAVE),
    (Features::XGETBV1, Features::XSAVE),
    (Features::XSAVES, Features::XSAVEC),
];

impl Features {
    /// x86-64-v1: what every 64-bit processor has, and what the machine's paging has beside.
    pub const V1: Self = Self::from_bits_truncate(
        ((1 << 16) - 1) | Self::LM.bits() | Self::SMEP.bits() | Self::SMAP.bits() | Self::UMIP.bits(),
    );

    /// x86-64-v2.
    pub const V2: Self = Self::V1
        .union(Self::CX16)
        .union(Self::LAHF)
        .union(Self::POPCNT)
        .union(Self::SSE3)
        .union(Self::SSSE3)
        .union(Self::SSE4_1)
        .union(Self::SSE4_2);

    /// x86-64-v3, with what processors of that level have beside: all but protection keys.
    pub const V3: Self = Self::all().difference(Self::PKU);

    /// The bits of a word of CPUID.
    #[must_use]
    pub fn cpuid(self, word: FeatureWord) -> u32 {
        let own =
            TABLE.iter().filter(|row| row.2 == word && self.contains(row.0)).fold(0, |bits, row| bits | 1 << row.3);
        let switched_on = match word {
            FeatureWord::Leaf1Ecx if self.contains(Self::XSAVE) => 1 << 27, // OSXSAVE
            FeatureWord::Leaf7Ecx if self.contains(Self::PKU) => 1 << 4,    // OSPKE
            _ => 0,
        };
        own | switched_on
    }

    /// Linux's names for the features, in the order of /proc/cpuinfo.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let ospke = self.contains(Self::PKU).then_some("ospke");
        TABLE.iter().filter(move |row| self.contains(row.0)).flat_map(move |row| {
            let after = if row.0 == Self::PKU { ospke } else { None };
            std::iter::once(row.1).chain(after)
        })
    }

    fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// A feature without one that it needs.
    fn incomplete(self) -> Option<(&'static str, &'static str)> {
        let name = |feature: Self| TABLE.iter().find(|row| feature.contains(row.0)).map_or("", |row| row.1);
        NEEDS
            .iter()
            .find(|(feature, needs)| self.contains(*feature) && !self.contains(*needs))
            .map(|&(feature, needs)| (name(feature), name(needs.difference(self))))
    }
}

impl Default for Features {
    fn default() -> Self {
        Self::V3
    }
}

/// Why a description of a processor is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeaturesError {
    /// It does not begin with a level.
    Level(String),
    /// No feature has this name, or it lacks its sign.
    Unknown(String),
    /// Every 64-bit processor has this feature.
    Baseline(String),
    /// A feature is there without another that it needs.
    Incomplete {
        /// Which.
        feature: &'static str,
        /// What it needs.
        needs: &'static str,
    },
}

impl fmt::Display for FeaturesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(text) => write!(f, "`{text}` is none of x86-64-v1, x86-64-v2 and x86-64-v3"),
            Self::Unknown(text) => write!(f, "expected +NAME or -NAME with a name as in /proc/cpuinfo, not `{text}`"),
            Self::Baseline(name) => write!(f, "every x86-64 processor has {name}"),
            Self::Incomplete { feature, needs } => write!(f, "{feature} needs {needs}"),
        }
    }
}

impl std::error::Error for FeaturesError {}

impl FromStr for Features {
    type Err = FeaturesError;

    /// A level, then features to add or to take away: `x86-64-v3,+pku,-rdrand`.
    fn from_str(text: &str) -> Result<Self, FeaturesError> {
        let mut parts = text.split(',');
        let level = parts.next().unwrap_or_default();
        let mut set = match level {
            "x86-64-v1" => Self::V1,
            "x86-64-v2" => Self::V2,
            "x86-64-v3" => Self::V3,
            _ => return Err(FeaturesError::Level(level.to_owned())),
        };
        for part in parts {
            let unknown = || FeaturesError::Unknown(part.to_owned());
            let (sign, name) = part.split_at_checked(1).ok_or_else(unknown)?;
            let feature = Self::named(name).ok_or_else(unknown)?;
            match sign {
                "+" => set |= feature,
                "-" if Self::V1.contains(feature) => return Err(FeaturesError::Baseline(name.to_owned())),
                "-" => set -= feature,
                _ => return Err(unknown()),
            }
        }
        match set.incomplete() {
            Some((feature, needs)) => Err(FeaturesError::Incomplete { feature, needs }),
            None => Ok(set),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_holds_the_one_below() {
        assert!(Features::V2.contains(Features::V1) && Features::V3.contains(Features::V2));
        assert!(!Features::V1.intersects(Features::SSE3 | Features::XSAVE | Features::LAHF | Features::RDTSCP));
        assert!(!Features::V2.intersects(Features::AVX | Features::LZCNT | Features::MOVBE | Features::BMI1));
    }

    #[test]
    fn no_two_features_share_a_bit_or_a_name() {
        for (n, a) in TABLE.iter().enumerate() {
            for b in &TABLE[..n] {
                assert!((a.2, a.3) != (b.2, b.3) && a.1 != b.1 && !a.0.intersects(b.0), "{} {}", a.1, b.1);
            }
        }
    }

    #[test]
    fn levels_are_complete_and_differences_are_checked() {
        for level in [Features::V1, Features::V2, Features::V3] {
            assert_eq!(level.incomplete(), None);
        }
        assert_eq!("x86-64-v3,+pku".parse(), Ok(Features::all()));
        assert_eq!("x86-64-v2,+aes".parse(), Ok(Features::V2 | Features::AES));
        assert_eq!("x86-64-v4".parse::<Features>(), Err(FeaturesError::Level("x86-64-v4".into())));
        assert_eq!("x86-64-v3,pku".parse::<Features>(), Err(FeaturesError::Unknown("pku".into())));
        assert_eq!("x86-64-v3,".parse::<Features>(), Err(FeaturesError::Unknown(String::new())));
        assert_eq!("x86-64-v3,-sse2".parse::<Features>(), Err(FeaturesError::Baseline("sse2".into())));
        let lacks = FeaturesError::Incomplete { feature: "fma", needs: "avx" };
        assert_eq!("x86-64-v2,+fma".parse::<Features>(), Err(lacks));
    }

    #[test]
    fn what_the_operating_system_switches_on_is_on() {
        assert_eq!(Features::V3.cpuid(FeatureWord::Leaf1Ecx) >> 26 & 3, 3);
        assert_eq!(Features::V3.cpuid(FeatureWord::Leaf7Ecx) >> 3 & 3, 0);
        assert_eq!(Features::all().cpuid(FeatureWord::Leaf7Ecx) >> 3 & 3, 3);
        assert_eq!(Features::V1.cpuid(FeatureWord::Leaf1Edx), 0x0789_a171);
    }
}
