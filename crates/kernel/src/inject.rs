//! Failures on purpose: allocations that fail, a swap device that fails or is slow.
//!
//! A rule is text, `KIND=SPEC`:
//!
//! ```text
//! alloc-fail=N          the N-th allocation of a frame after boot fails, counted from 1
//! alloc-fail=N/M        each fails with a chance of N in M
//! swap-read-fail=...    the same for reads of the swap device
//! swap-write-fail=...   the same for writes
//! swap-slow=FACTOR      the swap device takes FACTOR times as long
//! ```
//! Several rules may be given; where one of them says so, it fails. Chances are drawn from the seed of the run, for each
//! kind apart, so the same seed and the same rules give the same failures.

use crate::random::Random;
use std::num::NonZeroU64;
use std::str::FromStr;
use thiserror::Error;

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The allocation of frames.
    Alloc,
    /// A read of the swap device.
    SwapRead,
    /// A write of the swap device.
    SwapWrite,
}

impl Failing {
    const ALL: [(&'static str, Self); 3] =
        [("alloc-fail", Self::Alloc), ("swap-read-fail", Self::SwapRead), ("swap-write-fail", Self::SwapWrite)];
}

/// When it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once, at this attempt, counted from 1.
    Nth(NonZeroU64),
    /// At each attempt, with a chance of `of` in `out_of`.
    Chance {
        /// As many times ...
        of: u64,
        /// ... out of so many.
        out_of: NonZeroU64,
    },
}

/// One rule of injection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injection {
    /// Something fails.
    Fail(Failing, When),
    /// The swap device takes so many times as long.
    SlowSwap(u32),
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InjectionError {
    /// There is no such kind.
    #[error("expected alloc-fail=, swap-read-fail=, swap-write-fail= or swap-slow=")]
    Kind,
    /// The specification of a failure.
    #[error("expected a number above 0, such as 7 for the 7th time, or a chance N/M with N up to M, such as 1/100")]
    When,
    /// The factor of slowness.
    #[error("expected how many times as long, from 1 to 1000000")]
    Factor,
}

impl FromStr for Injection {
    type Err = InjectionError;

    fn from_str(text: &str) -> Result<Self, InjectionError> {
        let (kind, spec) = text.split_once('=').ok_or(InjectionError::Kind)?;
        if kind == "swap-slow" {
            let factor = spec.parse().ok().filter(|factor| (1..=1_000_000).contains(factor));
            return factor.map(Self::SlowSwap).ok_or(InjectionError::Factor);
        }
        let (_, failing) = Failing::ALL.into_iter().find(|(name, _)| *name == kind).ok_or(InjectionError::Kind)?;
        Ok(Self::Fail(failing, spec.parse()?))
    }
}

impl FromStr for When {
    type Err = InjectionError;

    fn from_str(text: &str) -> Result<Self, InjectionError> {
        let parsed = match text.split_once('/') {
            None => text.parse().ok().map(Self::Nth),
            Some((of, out_of)) => match (of.parse(), out_of.parse::<NonZeroU64>()) {
                (Ok(of), Ok(out_of)) if of <= out_of.get() => Some(Self::Chance { of, out_of }),
                _ => None,
            },
        };
        parsed.ok_or(InjectionError::When)
    }
}

/// Says of each attempt at one thing whether it is to fail.
#[derive(Clone, Debug)]
pub(crate) struct Injector {
    rules: Vec<When>,
    attempts: u64,
    random: Random,
}

impl Injector {
    /// What the rules say of one thing, for a run with this seed.
    pub(crate) fn new(what: Failing, rules: &[Injection], seed: u64) -> Self {
        let of_it = |rule: &Injection| match *rule {
            Injection::Fail(failing, when) if failing == what => Some(when),
            _ => None,
        };
        // The kinds must not share a sequence, nor have that of the guest's random bytes.
        let mut seeds = Random::new(seed ^ 0x696e_6a65_6374);
        (0..what as usize).for_each(|_| _ = seeds.next_u64());
        let random = Random::new(seeds.next_u64());
        Self { rules: rules.iter().filter_map(of_it).collect(), attempts: 0, random }
    }

    /// Nothing fails.
    pub(crate) const fn none() -> Self {
        Self { rules: Vec::new(), attempts: 0, random: Random::new(0) }
    }

    /// Whether the attempt that is about to be made fails.
    pub(crate) fn should_fail(&mut self) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        self.attempts += 1;
        let mut fails = false;
        for rule in &self.rules {
            fails |= match *rule {
                When::Nth(nth) => self.attempts == nth.get(),
                // The remainder's bias is below 2^-40 for every chance that a person would write.
                When::Chance { of, out_of } => self.random.next_u64() % out_of < of,
            };
        }
        fails
    }
}

/// How many times as long the swap device takes by the rules.
pub(crate) fn swap_slowness(rules: &[Injection]) -> u32 {
    let factors =
        rules.iter().filter_map(|rule| if let Injection::SlowSwap(factor) = rule { Some(*factor) } else { None });
    factors.fold(1, u32::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injector(what: Failing, rules: &[&str], seed: u64) -> Injector {
        let rules: Vec<Injection> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Injector::new(what, &rules, seed)
    }

    fn failures(mut injector: Injector, attempts: usize) -> Vec<usize> {
        (1..=attempts).filter(|_| injector.should_fail()).collect()
    }

    #[test]
    fn rules_are_read() {
        let nth = |n| When::Nth(NonZeroU64::new(n).unwrap());
        assert_eq!("alloc-fail=7".parse(), Ok(Injection::Fail(Failing::Alloc, nth(7))));
        let chance = When::Chance { of: 1, out_of: NonZeroU64::new(100).unwrap() };
        assert_eq!("swap-read-fail=1/100".parse(), Ok(Injection::Fail(Failing::SwapRead, chance)));
        assert_eq!("swap-slow=50".parse(), Ok(Injection::SlowSwap(50)));
        for (text, error) in [
            ("", InjectionError::Kind),
            ("alloc-fail", InjectionError::Kind),
            ("alloc=1", InjectionError::Kind),
            ("alloc-fail=", InjectionError::When),
            ("alloc-fail=0", InjectionError::When),
            ("alloc-fail=-1", InjectionError::When),
            ("swap-write-fail=1/0", InjectionError::When),
            ("swap-write-fail=3/2", InjectionError::When),
            ("swap-write-fail=1/2/3", InjectionError::When),
            ("swap-slow=0", InjectionError::Factor),
            ("swap-slow=1.5", InjectionError::Factor),
        ] {
            assert_eq!(text.parse::<Injection>(), Err(error), "{text}");
        }
    }

    #[test]
    fn the_nth_attempt_fails_and_no_other() {
        let rules = ["alloc-fail=3", "alloc-fail=5", "swap-read-fail=2"];
        assert_eq!(failures(injector(Failing::Alloc, &rules, 0), 10), [3, 5]);
        assert_eq!(failures(injector(Failing::SwapRead, &rules, 0), 10), [2]);
        assert_eq!(failures(injector(Failing::SwapWrite, &rules, 0), 10), []);
        assert_eq!(failures(Injector::none(), 10), []);
    }

    #[test]
    fn chances_come_from_the_seed() {
        let run = |what, seed| failures(injector(what, &["alloc-fail=1/10", "swap-read-fail=1/10"], seed), 10_000);
        let first = run(Failing::Alloc, 1);
        assert!((900..1100).contains(&first.len()), "{}", first.len());
        assert_eq!(first, run(Failing::Alloc, 1));
        assert_ne!(first, run(Failing::Alloc, 2));
        assert_ne!(first, run(Failing::SwapRead, 1));
        assert_eq!(failures(injector(Failing::Alloc, &["alloc-fail=0/5"], 0), 100), []);
        assert_eq!(failures(injector(Failing::Alloc, &["alloc-fail=5/5"], 0), 100).len(), 100);
    }

    #[test]
    fn slowness_multiplies() {
        assert_eq!(swap_slowness(&[]), 1);
        assert_eq!(swap_slowness(&[Injection::SlowSwap(3), Injection::SlowSwap(5)]), 15);
    }
}
