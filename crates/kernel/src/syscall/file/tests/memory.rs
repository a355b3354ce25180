//! What /proc says about memory, and the settings of /proc/sys/vm.

use super::*;
use crate::mm::frames::FrameUse;
use crate::mm::sysctl::DropCaches;
use crate::process::{Capabilities, Credentials, Ids};
use crate::syscall::{Call, Outcome};
use arch::UserContext;

const O_WRONLY: u64 = 1;
const O_TRUNC: u64 = 0o1000;
const UNLINK: u64 = 87;

/// The fields of Linux 6.18, in their order.
const MEMINFO: &str = "MemTotal MemFree MemAvailable Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon) \
     Active(file) Inactive(file) Unevictable Mlocked SwapTotal SwapFree Zswap Zswapped Dirty Writeback AnonPages Mapped Shmem \
     KReclaimable Slab SReclaimable SUnreclaim KernelStack PageTables SecPageTables NFS_Unstable Bounce WritebackTmp \
     CommitLimit Committed_AS VmallocTotal VmallocUsed VmallocChunk Percpu AnonHugePages ShmemHugePages ShmemPmdMapped \
     FileHugePages FilePmdMapped Balloon HugePages_Total HugePages_Free HugePages_Rsvd HugePages_Surp Hugepagesize \
     Hugetlb DirectMap4k DirectMap2M DirectMap1G";

impl Guest {
    fn text(&mut self, path: &str) -> String {
        let fd = self.open(path, 0).unwrap();
        let len = self.call(READ, &[fd, BUFFER, 0x4000]).unwrap() as usize;
        self.call(CLOSE, &[fd]).unwrap();
        String::from_utf8(self.get(BUFFER, len)).unwrap()
    }

    /// A field of /proc/meminfo, in KiB.
    pub(super) fn meminfo(&mut self, field: &str) -> u64 {
        let text = self.text("/proc/meminfo");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}:"))).expect(field);
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Active objects, objects and frames of a slab cache.
    fn slab(&mut self, name: &str) -> [u64; 3] {
        let text = self.text("/proc/slabinfo");
        let line = text.lines().find(|line| line.split(' ').next() == Some(name)).expect(name);
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        assert_eq!((number(13), number(2)), (number(14), number(13) * number(4)), "{line}");
        [number(1), number(2), number(13) * number(5)]
    }

    pub(super) fn write_text(&mut self, path: &str, text: &[u8]) -> Result<u64, Errno> {
        let fd = self.open(path, O_WRONLY | O_TRUNC | O_CREAT)?;
        self.put(BUFFER, text);
        let result = self.call(WRITE, &[fd, BUFFER, text.len() as u64]);
        self.call(CLOSE, &[fd]).unwrap();
        result
    }
}

/// A process of this user, who is in the group of the same number and in no other.
pub(super) fn guest_of(user: u32) -> Guest {
    let mut guest = Guest::new("");
    guest.kernel.current.credentials = Credentials { user: Ids::all(user), group: Ids::all(user) };
    guest.kernel.current.capabilities = Capabilities::of_user(user);
    guest.kernel.current.groups = [].into();
    guest
}

pub(super) fn superuser() -> Guest {
    guest_of(0)
}

#[test]
fn meminfo_has_linux_s_fields_and_adds_up() {
    let mut guest = superuser();
    let text = guest.text("/proc/meminfo");
    let names: Vec<&str> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, MEMINFO.split_ascii_whitespace().collect::<Vec<_>>());
    assert!(
        text.contains("\nVmallocTotal:   34359738367 kB\n") && text.contains("\nHugePages_Total:       0\n"),
        "{text}"
    );
    assert!(text.contains("\nDirectMap4k:           0 kB\nDirectMap2M:       16384 kB\nDirectMap1G:           0 kB\n"));
    let parts = ["MemFree", "Slab", "KernelStack", "PageTables", "AnonPages", "Cached"];
    let sum: u64 = parts.map(|field| guest.meminfo(field)).into_iter().sum();
    assert_eq!(sum, guest.meminfo("MemTotal"), "nothing else takes frames");
    assert_eq!(guest.meminfo("Slab"), guest.meminfo("SReclaimable") + guest.meminfo("SUnreclaim"));
    assert_eq!(guest.meminfo("KernelStack"), 16, "one process");
    assert!(guest.meminfo("SReclaimable") > 0 && guest.meminfo("MemAvailable") < guest.meminfo("MemFree"));
}

#[test]
fn free_blocks_are_the_free_memory() {
    let mut guest = superuser();
    for path in ["buddyinfo", "meminfo", "vmstat", "zoneinfo"] {
        guest.text(&format!("/proc/{path}")); // they take inodes
    }
    let text = guest.text("/proc/buddyinfo");
    assert!(text.starts_with("Node 0, zone    DMA32     "), "{text}");
    let blocks: Vec<u64> = text.split_ascii_whitespace().skip(4).map(|n| n.parse().unwrap()).collect();
    assert_eq!(blocks.len(), 11);
    let frames: u64 = blocks.iter().enumerate().map(|(order, count)| count << order).sum();
    assert_eq!(frames * 4, guest.meminfo("MemFree"));
    let zones = guest.text("/proc/zoneinfo");
    assert!(zones.starts_with(&format!("Node 0, zone    DMA32\n  pages free     {frames}\n")), "{zones}");
    assert!(zones.contains("        min      64\n        low      80\n        high     96\n"), "{zones}");
    let events = guest.text("/proc/vmstat");
    assert!(events.starts_with(&format!("nr_free_pages {frames}\n")) && events.contains("\npgfault "), "{events}");
    let total: u64 = guest.kernel.frames.stat.pgalloc_dma32 - guest.kernel.frames.stat.pgfree;
    assert_eq!(total + 1, guest.kernel.frames.in_use(), "and the zero page");
}

#[test]
fn objects_take_slabs_and_give_them_back() {
    let mut guest = superuser();
    let (names, _) = (guest.slab("dentry")[0], guest.meminfo("MemFree"));
    let (filp, inodes, free) = (guest.slab("filp"), guest.slab("inode_cache"), guest.meminfo("MemFree"));
    let files: Vec<u64> = (0..42).map(|i| guest.open(&format!("/new{i}"), O_RDWR | O_CREAT).unwrap()).collect();
    assert_eq!(guest.slab("filp"), [filp[0] + 42, filp[1] + 42, filp[2] + 2]);
    assert_eq!(guest.slab("inode_cache")[0], inodes[0] + 42);
    assert_eq!(guest.slab("dentry")[0], names + 1 + 42, "a name each, and /proc/meminfo's");
    assert!(guest.meminfo("MemFree") <= free - 4 * (2 + 6 + 2));
    for (i, fd) in files.into_iter().enumerate() {
        guest.call(CLOSE, &[fd]).unwrap();
        let path = guest.path(&format!("/new{i}"));
        guest.call(UNLINK, &[path]).unwrap();
    }
    assert_eq!((guest.slab("filp"), guest.slab("inode_cache"), guest.meminfo("MemFree")), (filp, inodes, free));
    let path = guest.path("/file");
    guest.call(UNLINK, &[path]).unwrap();
    assert_eq!(guest.slab("dentry")[0], names + 2, "that the host's file is gone is a name too");
}

#[test]
fn what_is_in_a_pipe_takes_frames() {
    let mut guest = superuser();
    let [reader, writer] = guest.pipe();
    let free = guest.meminfo("MemFree");
    assert_eq!(guest.slab("kmalloc-cg-1k")[0], 1);
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 10_000]), Ok(10_000));
    assert_eq!(guest.meminfo("MemFree"), free - 12);
    assert_eq!(guest.kernel.frames.used_for(FrameUse::Pipe), 3);
    assert_eq!(guest.call(READ, &[reader, BUFFER, 4096]), Ok(4096));
    assert_eq!(guest.meminfo("MemFree"), free - 8);
    guest.call(FCNTL, &[writer, 1031, 1 << 20]).unwrap();
    assert_eq!(guest.slab("kmalloc-cg-1k")[0], 11, "256 slots of 40 bytes");
    guest.call(CLOSE, &[reader]).unwrap();
    guest.call(CLOSE, &[writer]).unwrap();
    assert_eq!((guest.slab("kmalloc-cg-1k"), guest.kernel.frames.used_for(FrameUse::Pipe)), ([0; 3], 0));
}

/// What the command line set is shown, and what is written counts.
#[test]
fn settings_that_belong_to_others_are_theirs() {
    let mut guest = superuser();
    guest.kernel.frames.swap.page_cluster = 0;
    guest.kernel.frames.commit.ratio = 80;
    assert_eq!(guest.text("/proc/sys/vm/page-cluster"), "0\n");
    assert_eq!(guest.text("/proc/sys/vm/overcommit_ratio"), "80\n");
    assert_eq!(guest.write_text("/proc/sys/vm/page-cluster", b"5"), Ok(1));
    assert_eq!(guest.write_text("/proc/sys/vm/overcommit_ratio", b"30"), Ok(2));
    assert_eq!((guest.kernel.frames.swap.page_cluster, guest.kernel.frames.commit.ratio), (5, 30));
}

/// As measured on Linux 6.18.
#[test]
fn a_setting_takes_a_number_within_its_bounds() {
    let mut guest = superuser();
    let at = "/proc/sys/vm/swappiness";
    assert_eq!(guest.text(at), "60\n");
    for (text, result, now) in [
        (&b"70\n"[..], Ok(3), "70\n"),
        (b"80 90", Ok(5), "80\n"),
        (b"70x", Err(Errno::EINVAL), "80\n"),
        (b"201", Err(Errno::EINVAL), "80\n"),
        (b"-1", Err(Errno::EINVAL), "80\n"),
        (b"+5", Err(Errno::EINVAL), "80\n"),
        (b" 0x10", Ok(5), "16\n"),
        (b"010", Ok(3), "8\n"),
        (b"", Ok(0), "8\n"),
    ] {
        assert_eq!(guest.write_text(at, text), result, "{text:?}");
        assert_eq!(guest.text(at), now, "{text:?}");
    }
    let fd = guest.open(at, O_WRONLY).unwrap();
    assert_eq!(guest.call(WRITE, &[fd, 0x10, 1]), Err(Errno::EFAULT));
    assert_eq!(guest.write_text("/proc/sys/vm/overcommit_memory", b"3"), Err(Errno::EINVAL));
    assert_eq!(guest.write_text("/proc/sys/vm/overcommit_ratio", b"100\n"), Ok(4));
    assert_eq!(guest.meminfo("CommitLimit"), guest.meminfo("MemTotal"));
}

#[test]
fn a_setting_that_acts_does() {
    let mut guest = superuser();
    assert_eq!(guest.write_text("/proc/sys/vm/min_free_kbytes", b"4096\n"), Ok(5));
    assert_eq!(guest.kernel.frames.watermarks().min, 1024);
    assert_eq!(guest.write_text("/proc/sys/vm/drop_caches", b"0"), Err(Errno::EINVAL));
    assert_eq!(guest.write_text("/proc/sys/vm/drop_caches", b"3"), Ok(1));
    assert_eq!(guest.kernel.frames.sysctl.drop_caches, Some(DropCaches::All));
}

#[test]
fn settings_belong_to_the_superuser() {
    let mut guest = guest_of(1);
    assert_eq!(guest.write_text("/proc/sys/vm/swappiness", b"1"), Err(Errno::EACCES));
    assert_eq!(guest.open("/proc/slabinfo", 0), Err(Errno::EACCES));
    assert_eq!(guest.open("/proc/sys/vm/drop_caches", 0), Err(Errno::EACCES));
    assert_eq!(guest.text("/proc/sys/vm/swappiness"), "60\n");
}

const H: u64 = 2 << 20;
const MMAP: u64 = 9;
const MEMFD_CREATE: u64 = 319;
const MFD_HUGETLB: u64 = 4;
const SHM_HUGETLB: u64 = 0o4000;
const MAP_SHARED: u64 = 1;
const RW: u64 = 3;

impl Guest {
    /// A call of memory management or of SysV shared memory.
    pub(super) fn memory_call(&mut self, number: u64, args: &[u64]) -> Result<u64, Errno> {
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        let mut ctx = UserContext::at_entry(LinearAddr(0), LinearAddr(0));
        let (kernel, mut call) = (&mut self.kernel, Call { number, args: all, ctx: &mut ctx });
        let outcome = with_hw(&mut self.bus, |hw| {
            let outcome = kernel.mem_call(hw, &mut call).or_else(|| kernel.shm_call(hw, &mut call));
            kernel.settle_shm(hw);
            outcome
        });
        match outcome {
            Some(Outcome::Return(result)) => result,
            _ => panic!("no memory call: {number}"),
        }
    }
}

/// `HugePages_Total`, `Free`, `Rsvd`, `Surp`.
pub(super) fn pool(guest: &mut Guest) -> [u64; 4] {
    ["Total", "Free", "Rsvd", "Surp"].map(|field| guest.meminfo(&format!("HugePages_{field}")))
}

#[test]
fn the_pool_of_large_pages_is_set_and_shown() {
    let mut guest = superuser();
    guest.write_text("/proc/sys/vm/nr_hugepages", b"0").unwrap();
    guest.write_text("/proc/sys/vm/nr_overcommit_hugepages", b"0").unwrap();
    let free = guest.meminfo("MemFree");
    guest.write_text("/proc/sys/vm/nr_hugepages", b"2\n").unwrap();
    assert_eq!((guest.text("/proc/sys/vm/nr_hugepages"), pool(&mut guest)), ("2\n".to_owned(), [2, 2, 0, 0]));
    assert_eq!((guest.meminfo("Hugetlb"), free - guest.meminfo("MemFree")), (4096, 4096));
    guest.write_text("/proc/sys/vm/nr_overcommit_hugepages", b"1").unwrap();
    assert_eq!(guest.text("/proc/sys/vm/nr_overcommit_hugepages"), "1\n");
    guest.write_text("/proc/sys/vm/nr_hugepages", b"1000000").unwrap();
    assert!((3..8).contains(&pool(&mut guest)[0]), "as many as 16 MiB have room for");
    guest.write_text("/proc/sys/vm/nr_hugepages", b"0").unwrap();
    assert_eq!((pool(&mut guest), guest.meminfo("MemFree")), ([0; 4], free));
    let refused = guest_of(1000).write_text("/proc/sys/vm/nr_hugepages", b"1");
    assert_eq!(refused, Err(Errno::EACCES));
}

#[test]
fn a_file_of_large_pages_is_cut_and_filled_in_whole_pages() {
    let mut guest = superuser();
    guest.write_text("/proc/sys/vm/nr_hugepages", b"3").unwrap();
    let name = guest.path("large");
    assert_eq!(guest.call(MEMFD_CREATE, &[name, MFD_HUGETLB | 20 << 26]), Err(Errno::ENODEV));
    let fd = guest.call(MEMFD_CREATE, &[name, MFD_HUGETLB]).unwrap();
    let (ftruncate, fallocate) = (77, 285);
    assert_eq!(guest.call(ftruncate, &[fd, 4096]), Err(Errno::EINVAL));
    assert_eq!(guest.call(ftruncate, &[fd, 2 * H]), Ok(0));
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 1]), Err(Errno::EINVAL));
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 10]), Ok(10));
    assert_eq!(guest.call(fallocate, &[fd, 0, H, H + 1]), Ok(0));
    assert_eq!(pool(&mut guest), [3, 1, 0, 0]);
    let at = guest.memory_call(MMAP, &[0, H, RW, MAP_SHARED, fd, 2 * H]).unwrap();
    guest.put(at + 5, b"hello");
    assert_eq!(guest.call(17, &[fd, BUFFER, 9, 2 * H + 5]), Ok(9), "pread");
    assert_eq!(guest.get(BUFFER, 9), b"hello\0\0\0\0");
    let punch = 3;
    assert_eq!(guest.call(fallocate, &[fd, punch, 2 * H + 6, H]), Ok(0));
    assert_eq!(guest.get(at + 5, 5), b"h\0\0\0\0");
    assert_eq!(guest.call(ftruncate, &[fd, H]), Ok(0));
    assert_eq!(pool(&mut guest), [3, 3, 0, 0]);
    assert_eq!(guest.call(fallocate, &[fd, 0, 0, 9 * H]), Err(Errno::ENOSPC));
    assert_eq!(pool(&mut guest), [3, 0, 0, 0], "what was had stays");
    guest.memory_call(11, &[at, H]).unwrap();
    assert_eq!(guest.memory_call(MMAP, &[0, H, RW, MAP_SHARED, fd, 4096]), Err(Errno::EINVAL));
    guest.call(CLOSE, &[fd]).unwrap();
    assert_eq!(pool(&mut guest), [3, 3, 0, 0]);
}

#[test]
fn a_segment_of_large_pages_is_promised_at_once_and_for_those_who_may() {
    let (shmget, shmat, shmctl, shmdt) = (29, 30, 31, 67);
    let flags = 0o1600 | SHM_HUGETLB;
    assert_eq!(guest_of(1000).memory_call(shmget, &[0, H, flags]), Err(Errno::EPERM));
    let mut guest = superuser();
    guest.write_text("/proc/sys/vm/nr_hugepages", b"2").unwrap();
    assert_eq!(guest.memory_call(shmget, &[0, 3 * H, flags]), Err(Errno::ENOMEM));
    assert_eq!(guest.memory_call(shmget, &[0, H, flags | 20 << 26]), Err(Errno::EINVAL));
    let id = guest.memory_call(shmget, &[0, H + 1, flags]).unwrap();
    assert_eq!(pool(&mut guest), [2, 2, 2, 0]);
    let at = guest.memory_call(shmat, &[id, 0, 0]).unwrap();
    guest.put(at + H, b"x");
    assert_eq!((at % H, pool(&mut guest)), (0, [2, 1, 1, 0]));
    guest.memory_call(shmctl, &[id, 0, 0]).unwrap();
    guest.memory_call(shmdt, &[at]).unwrap();
    assert_eq!(pool(&mut guest), [2, 2, 0, 0]);
}
