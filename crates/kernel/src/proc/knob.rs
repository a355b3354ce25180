//! The texts of /proc/sys and /sys, and what writing them does.

use crate::fs::Value;
use crate::kernel::Kernel;
use crate::mm::commit::Overcommit;
use crate::mm::hugetlb::PoolSetting;
use crate::mm::reclaim::policy::Swappiness;
use crate::mm::sysctl::Setting;
use crate::mm::thp_setting::kstrtoul;
use crate::{Errno, Hw};
use arch::{FRAME_SIZE, PageSize};

/// KiB of a frame.
const FRAME_KIB: u64 = FRAME_SIZE / 1024;

impl Kernel {
    /// What a file of /proc/sys or /sys shows.
    pub(super) fn knob_text(&mut self, hw: &Hw<'_>, value: Value) -> String {
        match value {
            Value::Fixed(text) => format!("{text}\n"),
            Value::System(file) => self.system_text(hw, file),
            Value::Setting(setting) => format!("{}\n", self.setting(setting)),
            Value::Thp(setting) => self.frames.thp.show(setting) + "\n",
            Value::Pool(size, setting) => format!("{}\n", self.frames.hugetlb.show(size, setting)),
        }
    }

    /// Sets what a file of /proc/sys or /sys stands for to what a text says, which is not empty.
    ///
    /// # Errors
    /// `EINVAL` for what is no value of it.
    pub(crate) fn write_knob(&mut self, hw: &Hw<'_>, value: Value, text: &[u8]) -> Result<(), Errno> {
        match value {
            Value::Fixed(_) | Value::System(_) => {
                let is_same = words(self.knob_text(hw, value).as_bytes()).eq(words(text));
                if is_same { Ok(()) } else { Err(Errno::EINVAL) }
            }
            Value::Setting(setting) => self.set(setting, setting.parse(text)?),
            Value::Thp(setting) => self.frames.thp.store(setting, text),
            Value::Pool(size, PoolSetting::Overcommit) if size != PageSize::Size2M => Err(Errno::EINVAL),
            Value::Pool(size, setting) => self.frames.store_pool(size, setting, kstrtoul(text)?),
        }
    }

    fn setting(&self, setting: Setting) -> u64 {
        let (frames, sysctl) = (&self.frames, &self.frames.sysctl);
        match setting {
            Setting::AdminReserveKbytes => frames.admin_reserve() * FRAME_KIB,
            Setting::DropCaches => 0,
            Setting::HugetlbShmGroup => sysctl.hugetlb_shm_group.into(),
            Setting::MaxMapCount => sysctl.max_map_count as u64,
            Setting::MinFreeKbytes => frames.min_free_kbytes(),
            Setting::MmapMinAddr => sysctl.mmap_min_addr,
            Setting::NrHugepages => frames.hugetlb.show(PageSize::Size2M, PoolSetting::Total),
            Setting::NrOvercommitHugepages => frames.hugetlb.show(PageSize::Size2M, PoolSetting::Overcommit),
            Setting::OvercommitKbytes => frames.commit.amount.unwrap_or(0) * FRAME_KIB,
            Setting::OvercommitMemory => sysctl.overcommit_memory,
            Setting::OvercommitRatio => frames.commit.ratio,
            Setting::PageCluster => frames.swap.page_cluster.into(),
            Setting::PidMax => self.processes.pid_max.into(),
            Setting::ShmAll => self.shm.most.pages,
            Setting::ShmMax => self.shm.most.bytes,
            Setting::ShmMni => self.shm.most.segments,
            Setting::Swappiness => sysctl.swappiness,
            Setting::UserReserveKbytes => frames.user_reserve() * FRAME_KIB,
            Setting::VfsCachePressure => sysctl.vfs_cache_pressure,
        }
    }

    /// Changes a setting to a value that [`Setting::parse`] gave.
    fn set(&mut self, setting: Setting, value: u64) -> Result<(), Errno> {
        let frames = &mut self.frames;
        frames.sysctl.set(setting, value);
        match setting {
            Setting::AdminReserveKbytes => frames.commit.reserves[0] = Some(value / FRAME_KIB),
            Setting::UserReserveKbytes => frames.commit.reserves[1] = Some(value / FRAME_KIB),
            Setting::MinFreeKbytes => frames.set_min_free_kbytes(value),
            Setting::NrHugepages => frames.store_pool(PageSize::Size2M, PoolSetting::Total, value)?,
            Setting::NrOvercommitHugepages => frames.store_pool(PageSize::Size2M, PoolSetting::Overcommit, value)?,
            Setting::OvercommitMemory => {
                frames.commit.overcommit = match value {
                    0 => Overcommit::Guess,
                    1 => Overcommit::Always,
                    _ => Overcommit::Never,
                };
            }
            // Of the two the one that was set last holds.
            Setting::OvercommitKbytes => {
                (frames.commit.amount, frames.commit.ratio) = ((value > 0).then_some(value / FRAME_KIB), 0);
            }
            Setting::OvercommitRatio => (frames.commit.amount, frames.commit.ratio) = (None, value),
            Setting::PageCluster => frames.swap.page_cluster = value as u32,
            Setting::PidMax => self.processes.pid_max = value as u32,
            Setting::ShmAll => self.shm.most.pages = value,
            Setting::ShmMax => self.shm.most.bytes = value,
            Setting::ShmMni => self.shm.most.segments = value,
            Setting::Swappiness => {
                let swappiness = Swappiness::new(value).ok_or(Errno::EINVAL)?;
                frames.lruvec.set_swappiness(swappiness);
            }
            Setting::DropCaches | Setting::HugetlbShmGroup | Setting::MaxMapCount => {}
            Setting::MmapMinAddr | Setting::VfsCachePressure => {}
        }
        Ok(())
    }
}

/// The parts of a text between white space, up to a NUL.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    text[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}
