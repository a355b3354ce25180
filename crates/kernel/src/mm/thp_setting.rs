//! What /sys/kernel/mm/transparent_hugepage sets (the `_show` and `_store` functions of Linux's `huge_memory.c` and
//! `khugepaged.c`).
//!
//! Three of the settings are permissions of which no use is made: nothing moves pages to make a block (`defrag`, of faults
//! and of the daemon), and memory files have pages of 4 KiB (`shmem_enabled`). They can be set, as a program may want to have
//! said what it allows.

use super::huge_memory::{HPAGE_PMD_NR, ThpMode, TransparentHuge};
use crate::Errno;
use arch::PageSize;

/// A file of transparent_hugepage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ThpSetting {
    Enabled,
    Defrag,
    ShmemEnabled,
    UseZeroPage,
    HpagePmdSize,
    /// Those of khugepaged.
    KhugepagedDefrag,
    MaxPtesNone,
    MaxPtesSwap,
    MaxPtesShared,
    PagesToScan,
    ScanSleep,
    AllocSleep,
    PagesCollapsed,
    FullScans,
}

impl ThpSetting {
    /// Whether it only tells.
    pub(crate) const fn is_shown_only(self) -> bool {
        matches!(self, Self::HpagePmdSize | Self::PagesCollapsed | Self::FullScans)
    }
}

const DEFRAG: [&str; 5] = ["always", "defer", "defer+madvise", "madvise", "never"];
const SHMEM: [&str; 6] = ["always", "within_size", "advise", "never", "deny", "force"];

/// What is set beside the mode, and what the daemon has done.
#[derive(Clone, Debug)]
pub(crate) struct ThpSettings {
    /// Indices into the words.
    defrag: usize,
    shmem: usize,
    khugepaged_defrag: u64,
    /// 1: reads of new memory may share a page of zeros.
    pub(crate) use_zero_page: u64,
    /// Of the 512 pages, so many at most need not be there, may be on the swap device, may be others' too, for the daemon to
    /// make a large page of them.
    pub(crate) max_ptes_none: u64,
    pub(crate) max_ptes_swap: u64,
    pub(crate) max_ptes_shared: u64,
    /// Pages that the daemon looks at before it sleeps.
    pub(crate) pages_to_scan: u64,
    /// How long that is, and how long it is when there was no block.
    pub(crate) scan_sleep_ms: u64,
    pub(crate) alloc_sleep_ms: u64,
    /// Large pages that it made, and how often it has seen all processes.
    pub(crate) pages_collapsed: u64,
    pub(crate) full_scans: u64,
}

impl Default for ThpSettings {
    fn default() -> Self {
        Self {
            defrag: 3,
            shmem: 3,
            khugepaged_defrag: 1,
            use_zero_page: 1,
            max_ptes_none: HPAGE_PMD_NR - 1,
            max_ptes_swap: HPAGE_PMD_NR / 8,
            max_ptes_shared: HPAGE_PMD_NR / 2,
            pages_to_scan: HPAGE_PMD_NR * 8,
            scan_sleep_ms: 10_000,
            alloc_sleep_ms: 60_000,
            pages_collapsed: 0,
            full_scans: 0,
        }
    }
}

impl TransparentHuge {
    /// The text of a file, without its newline.
    pub(crate) fn show(&self, setting: ThpSetting) -> String {
        let settings = &self.settings;
        let number = match setting {
            ThpSetting::Enabled => return choice(&ThpMode::ALL.map(|mode| mode.to_string()), self.mode as usize),
            ThpSetting::Defrag => return choice(&DEFRAG, settings.defrag),
            ThpSetting::ShmemEnabled => return choice(&SHMEM, settings.shmem),
            ThpSetting::UseZeroPage => settings.use_zero_page,
            ThpSetting::HpagePmdSize => PageSize::Size2M.bytes(),
            ThpSetting::KhugepagedDefrag => settings.khugepaged_defrag,
            ThpSetting::MaxPtesNone => settings.max_ptes_none,
            ThpSetting::MaxPtesSwap => settings.max_ptes_swap,
            ThpSetting::MaxPtesShared => settings.max_ptes_shared,
            ThpSetting::PagesToScan => settings.pages_to_scan,
            ThpSetting::ScanSleep => settings.scan_sleep_ms,
            ThpSetting::AllocSleep => settings.alloc_sleep_ms,
            ThpSetting::PagesCollapsed => settings.pages_collapsed,
            ThpSetting::FullScans => settings.full_scans,
        };
        number.to_string()
    }

    /// Sets what a file stands for.
    ///
    /// # Errors
    /// `EINVAL` for no such word, no number, or one out of bounds; `EIO` for what only tells.
    pub(crate) fn store(&mut self, setting: ThpSetting, text: &[u8]) -> Result<(), Errno> {
        const UINT_MAX: u64 = u32::MAX as u64;
        let settings = &mut self.settings;
        let (target, min, max) = match setting {
            ThpSetting::Enabled => {
                self.mode = ThpMode::ALL[chosen(&ThpMode::ALL.map(|mode| mode.to_string()), text)?];
                return Ok(());
            }
            ThpSetting::Defrag => {
                settings.defrag = chosen(&DEFRAG, text)?;
                return Ok(());
            }
            ThpSetting::ShmemEnabled => {
                settings.shmem = chosen(&SHMEM, text)?;
                return Ok(());
            }
            ThpSetting::UseZeroPage => (&mut settings.use_zero_page, 0, 1),
            ThpSetting::KhugepagedDefrag => (&mut settings.khugepaged_defrag, 0, 1),
            ThpSetting::MaxPtesNone => (&mut settings.max_ptes_none, 0, HPAGE_PMD_NR - 1),
            ThpSetting::MaxPtesSwap => (&mut settings.max_ptes_swap, 0, HPAGE_PMD_NR - 1),
            ThpSetting::MaxPtesShared => (&mut settings.max_ptes_shared, 0, HPAGE_PMD_NR - 1),
            ThpSetting::PagesToScan => (&mut settings.pages_to_scan, 1, UINT_MAX),
            ThpSetting::ScanSleep => (&mut settings.scan_sleep_ms, 0, UINT_MAX),
            ThpSetting::AllocSleep => (&mut settings.alloc_sleep_ms, 0, UINT_MAX),
            ThpSetting::HpagePmdSize | ThpSetting::PagesCollapsed | ThpSetting::FullScans => return Err(Errno::EIO),
        };
        let number = kstrtoul(text)?;
        if !(min..=max).contains(&number) {
            return Err(Errno::EINVAL);
        }
        *target = number;
        Ok(())
    }
}

/// All words, the one in force in brackets.
fn choice<W: AsRef<str>>(words: &[W], chosen: usize) -> String {
    let mark = |(index, word): (usize, &W)| match word.as_ref() {
        word if index == chosen => format!("[{word}]"),
        word => word.to_owned(),
    };
    words.iter().enumerate().map(mark).collect::<Vec<_>>().join(" ")
}

/// Which word a text is (`sysfs_streq`).
fn chosen<W: AsRef<str>>(words: &[W], text: &[u8]) -> Result<usize, Errno> {
    let text = line(text);
    words.iter().position(|word| word.as_ref().as_bytes() == text).ok_or(Errno::EINVAL)
}

/// What a writer means by a text: up to a NUL, and without the newline at its end.
fn line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    text[..end].strip_suffix(b"\n").unwrap_or(&text[..end])
}

/// A decimal number, alone in its line (`kstrtoul`).
///
/// # Errors
/// `EINVAL`, also for a number that is too large.
pub(crate) fn kstrtoul(text: &[u8]) -> Result<u64, Errno> {
    str::from_utf8(line(text)).ok().and_then(|digits| digits.parse().ok()).ok_or(Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_taken_as_linux_takes_them() {
        let mut thp = TransparentHuge::default();
        assert_eq!(thp.show(ThpSetting::Enabled), "always [madvise] never");
        for (text, expected) in [("never", "always madvise [never]"), ("always\n", "[always] madvise never")] {
            assert_eq!(thp.store(ThpSetting::Enabled, text.as_bytes()), Ok(()));
            assert_eq!(thp.show(ThpSetting::Enabled), expected);
        }
        for bad in ["madvise\n\n", " madvise", "bogus", ""] {
            assert_eq!(thp.store(ThpSetting::Enabled, bad.as_bytes()), Err(Errno::EINVAL), "{bad:?}");
        }
        assert_eq!(thp.mode, ThpMode::Always);
        let store = |thp: &mut TransparentHuge, setting, text: &str| thp.store(setting, text.as_bytes());
        for good in ["10", "10\n", "+10", "010", "10\0"] {
            assert_eq!(store(&mut thp, ThpSetting::ScanSleep, good), Ok(()), "{good:?}");
        }
        for bad in [" 10", "0xa", "10 ", "-1", "4294967296", "10\n\n", "", "18446744073709551616"] {
            assert_eq!(store(&mut thp, ThpSetting::ScanSleep, bad), Err(Errno::EINVAL), "{bad:?}");
        }
        assert_eq!(thp.show(ThpSetting::ScanSleep), "10");
        assert_eq!(store(&mut thp, ThpSetting::MaxPtesNone, "512"), Err(Errno::EINVAL));
        assert_eq!(store(&mut thp, ThpSetting::PagesToScan, "0"), Err(Errno::EINVAL));
        assert_eq!(store(&mut thp, ThpSetting::UseZeroPage, "2"), Err(Errno::EINVAL));
        assert_eq!(store(&mut thp, ThpSetting::FullScans, "0"), Err(Errno::EIO));
    }
}
