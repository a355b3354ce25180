//! `--resident-limit`: as many pages of one mapping may be in RAM at once.

use arch::LinearAddr;
use std::num::NonZeroU64;
use std::str::FromStr;
use thiserror::Error;

/// A limit on the resident pages of the mapping at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResidentLimit {
    /// The most pages in RAM.
    pub pages: NonZeroU64,
    /// An address in the mapping.
    pub address: LinearAddr,
}

/// The text is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected PAGES@ADDRESS, such as 3@0x10000000")]
pub struct NoLimit;

impl FromStr for ResidentLimit {
    type Err = NoLimit;

    /// `PAGES@ADDRESS`; the address is hexadecimal behind `0x`, and decimal else.
    fn from_str(text: &str) -> Result<Self, NoLimit> {
        let (pages, address) = text.split_once('@').ok_or(NoLimit)?;
        let address = match address.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => address.parse(),
        };
        Ok(Self { pages: pages.parse().map_err(|_| NoLimit)?, address: LinearAddr(address.map_err(|_| NoLimit)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_pages_and_an_address() {
        let limit =
            |pages, address| ResidentLimit { pages: NonZeroU64::new(pages).unwrap(), address: LinearAddr(address) };
        assert_eq!("3@0x10000000".parse(), Ok(limit(3, 0x1000_0000)));
        assert_eq!("12@4096".parse(), Ok(limit(12, 4096)));
        for text in ["", "3", "0@0x1000", "-1@0x1000", "3@", "3@0x", "3@x", "3@0x1@2"] {
            assert_eq!(text.parse::<ResidentLimit>(), Err(NoLimit), "{text}");
        }
    }
}
