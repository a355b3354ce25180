//! /proc/sys, /sys, and what /proc tells of processes, to whom.

use super::*;
use crate::process::{Capabilities, Credentials, Ids};

const O_WRONLY: u64 = 1;
const PREAD: u64 = 17;
const PWRITE: u64 = 18;
const READLINK: u64 = 89;
const STATFS: u64 = 137;
const MKDIR: u64 = 83;

fn superuser() -> Guest {
    let mut guest = Guest::new("");
    guest.become_user(0);
    guest
}

impl Guest {
    fn become_user(&mut self, user: u32) {
        self.kernel.current.credentials = Credentials { user: Ids::all(user), group: Ids::all(user) };
        self.kernel.current.capabilities = Capabilities::of_user(user);
        self.kernel.current.groups = [].into();
    }

    fn show(&mut self, path: &str) -> Result<String, Errno> {
        let fd = self.open(path, 0)?;
        let len = self.call(READ, &[fd, BUFFER, 0x4000]);
        self.call(CLOSE, &[fd]).unwrap();
        Ok(String::from_utf8_lossy(&self.get(BUFFER, len? as usize)).into_owned())
    }

    fn store(&mut self, path: &str, text: &str) -> Result<u64, Errno> {
        let fd = self.open(path, O_WRONLY)?;
        self.put(BUFFER, text.as_bytes());
        let result = self.call(WRITE, &[fd, BUFFER, text.len() as u64]);
        self.call(CLOSE, &[fd]).unwrap();
        result
    }
}

#[test]
fn sys_is_there_and_nothing_can_be_made_in_it() {
    let mut guest = superuser();
    let path = guest.path("/sys/kernel/mm");
    guest.call(STATFS, &[path, BUFFER]).unwrap();
    assert_eq!(guest.get(BUFFER, 8), 0x6265_6572_u64.to_le_bytes());
    let new = guest.path("/sys/new");
    assert_eq!(guest.call(MKDIR, &[new, 0o755]), Err(Errno::EPERM));
    assert_eq!(guest.open("/sys/new", O_WRONLY | O_CREAT), Err(Errno::EACCES));
    guest.become_user(1000);
    let new = guest.path("/sys/new");
    assert_eq!(guest.call(MKDIR, &[new, 0o755]), Err(Errno::EACCES), "it may not even ask");
    guest.become_user(0);
    assert_eq!(guest.show("/sys/devices/system/cpu/online"), Ok("0\n".into()));
    assert!(
        guest
            .show("/sys/devices/system/node/node0/meminfo")
            .unwrap()
            .starts_with("Node 0 MemTotal:          16380 kB\n")
    );
    assert!(guest.show("/proc/mounts").unwrap().contains("\nsysfs /sys sysfs rw,relatime 0 0\n"));
    let mountinfo = guest.show("/proc/self/mountinfo").unwrap();
    assert!(mountinfo.starts_with("2 1 8:1 / / rw,relatime - ext4 pagewalk rw\n3 2 0:"), "{mountinfo}");
}

#[test]
fn large_pages_are_set_in_sys() {
    let mut guest = superuser();
    let thp = "/sys/kernel/mm/transparent_hugepage";
    assert_eq!(guest.show(&format!("{thp}/enabled")), Ok("always [madvise] never\n".into()));
    assert_eq!(guest.store(&format!("{thp}/enabled"), "never\n"), Ok(6));
    assert_eq!(guest.kernel.frames.thp.mode, crate::mm::ThpMode::Never);
    assert_eq!(guest.store(&format!("{thp}/enabled"), "sometimes"), Err(Errno::EINVAL));
    assert_eq!(guest.store(&format!("{thp}/hpage_pmd_size"), "1"), Err(Errno::EACCES), "not even root");
    assert_eq!(guest.show(&format!("{thp}/hpage_pmd_size")), Ok("2097152\n".into()));
    let pool = "/sys/kernel/mm/hugepages/hugepages-2048kB";
    assert_eq!(guest.store(&format!("{pool}/nr_hugepages"), "2"), Ok(1));
    assert_eq!(guest.show(&format!("{pool}/free_hugepages")), Ok("2\n".into()));
    assert_eq!(guest.show("/proc/sys/vm/nr_hugepages"), Ok("2\n".into()));
    let gigantic = "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_overcommit_hugepages";
    assert_eq!(guest.store(gigantic, "0"), Err(Errno::EINVAL));
    guest.become_user(1000);
    assert_eq!(guest.store(&format!("{thp}/enabled"), "always"), Err(Errno::EACCES));
}

#[test]
fn numbers_of_proc_sys_are_in_force() {
    let mut guest = superuser();
    for (name, text) in [
        ("vm/max_map_count", "100\n"),
        ("kernel/pid_max", "400\n"),
        ("kernel/shmmni", "3\n"),
        ("vm/overcommit_kbytes", "4096\n"),
        ("vm/admin_reserve_kbytes", "100\n"),
        ("vm/mmap_min_addr", "4096\n"),
    ] {
        let path = format!("/proc/sys/{name}");
        assert_eq!(guest.store(&path, text), Ok(text.len() as u64), "{name}");
        assert_eq!(guest.show(&path), Ok(text.to_owned()), "{name}");
    }
    assert_eq!(guest.show("/proc/sys/vm/overcommit_ratio"), Ok("0\n".into()), "the other way to say it");
    assert_eq!(guest.kernel.frames.commit_limit_pages(), 1024);
    assert_eq!(guest.store("/proc/sys/vm/overcommit_ratio", "50"), Ok(2));
    assert_eq!(guest.show("/proc/sys/vm/overcommit_kbytes"), Ok("0\n".into()));
    assert_eq!((guest.kernel.frames.sysctl.max_map_count, guest.kernel.processes.pid_max), (100, 400));
    for (name, bad) in [("kernel/pid_max", "300"), ("kernel/shmmni", "32769"), ("vm/max_map_count", "-1")] {
        assert_eq!(guest.store(&format!("/proc/sys/{name}"), bad), Err(Errno::EINVAL), "{name}");
    }
}

#[test]
fn what_means_nothing_here_keeps_its_value() {
    let mut guest = superuser();
    assert_eq!(guest.store("/proc/sys/vm/panic_on_oom", "0\n"), Ok(2));
    assert_eq!(guest.store("/proc/sys/vm/panic_on_oom", "1\n"), Err(Errno::EINVAL));
    assert_eq!(guest.store("/proc/sys/kernel/printk", "4 4 1 7"), Ok(7));
    assert_eq!(guest.open("/proc/sys/kernel/osrelease", O_WRONLY), Err(Errno::EACCES), "not even root");
    assert_eq!(guest.open("/proc/sys/vm/drop_caches", 0), Err(Errno::EACCES), "it is there to be written");
    let uuids = [(); 2].map(|()| guest.show("/proc/sys/kernel/random/uuid").unwrap());
    assert!(uuids[0] != uuids[1] && uuids.iter().all(|uuid| uuid.len() == 37 && &uuid[14..15] == "4"), "{uuids:?}");
    let boots = [(); 2].map(|()| guest.show("/proc/sys/kernel/random/boot_id").unwrap());
    assert_eq!(boots[0], boots[1]);
}

#[test]
fn memory_is_read_and_written_by_address() {
    let mut guest = superuser();
    let fd = guest.open("/proc/self/mem", O_RDWR).unwrap();
    guest.put(BUFFER + 0x100, b"word");
    assert_eq!(guest.call(PREAD, &[fd, BUFFER, 4, BUFFER + 0x100]), Ok(4));
    assert_eq!(guest.get(BUFFER, 4), b"word");
    assert_eq!(guest.call(LSEEK, &[fd, BUFFER + 0x200, 0]), Ok(BUFFER + 0x200));
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 4]), Ok(4));
    assert_eq!(guest.call(LSEEK, &[fd, 0, 1]), Ok(BUFFER + 0x204));
    assert_eq!(guest.get(BUFFER + 0x200, 4), b"word");
    assert_eq!(guest.call(READ, &[fd, BUFFER, 4]), Ok(4));
    assert_eq!(guest.call(PWRITE, &[fd, BUFFER, 4, 0x10]), Err(Errno::EIO));
    assert_eq!(guest.call(LSEEK, &[fd, 0, 2]), Err(Errno::EINVAL));
    let top = 0_u64.wrapping_sub(4096);
    assert_eq!(guest.call(LSEEK, &[fd, top, 0]), Ok(top));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 4]), Err(Errno::EIO));
    let pid = guest.kernel.current.pid.0;
    let maps = guest.open("/proc/self/maps", 0).unwrap();
    guest.kernel.vfs.proc_set_exe(pid, b"/other".to_vec());
    assert_eq!(guest.call(PREAD, &[fd, BUFFER, 4, BUFFER]), Ok(0), "the program that it was opened for is gone");
    assert_eq!(guest.call(READ, &[maps, BUFFER, 4]), Ok(0));
}

#[test]
fn nobody_looks_into_somebody_else_s_process() {
    let mut guest = superuser();
    let files = guest.kernel.vfs.new_fd_table();
    let cwd = guest.kernel.current.fs.cwd();
    guest.show("/proc/self/stat").unwrap();
    let links = crate::fs::ProcLinks { files, exe: b"/bin/other".to_vec(), cwd };
    guest.kernel.vfs.proc_add(7, links);
    guest.become_user(1000);
    for path in ["maps", "smaps", "smaps_rollup", "numa_maps", "mem", "environ", "auxv", "pagemap", "cwd/", "fd/0"] {
        assert_eq!(guest.open(&format!("/proc/7/{path}"), 0), Err(Errno::EACCES), "{path}");
    }
    for path in ["exe", "cwd", "root"] {
        let path = guest.path(&format!("/proc/7/{path}"));
        assert_eq!(guest.call(READLINK, &[path, BUFFER, 100]), Err(Errno::EACCES));
    }
    assert_eq!(guest.open("/proc/7/map_files/1-2", 0), Err(Errno::EACCES));
    assert!(guest.open("/proc/7/status", 0).is_ok());
    guest.become_user(0);
    let path = guest.path("/proc/7/exe");
    assert_eq!(guest.call(READLINK, &[path, BUFFER, 100]), Ok(10));
}

#[test]
fn a_call_in_progress_is_shown() {
    let mut guest = superuser();
    for (path, text) in [
        ("personality", "00000000\n"),
        ("wchan", "0"),
        ("coredump_filter", "00000033\n"),
        ("oom_adj", "0\n"),
        ("timerslack_ns", "50000\n"),
        ("uid_map", "         0          0 4294967295\n"),
        ("auxv", ""),
    ] {
        assert_eq!(guest.show(&format!("/proc/self/{path}")), Ok(text.to_owned()), "{path}");
    }
    assert_eq!(guest.store("/proc/self/oom_adj", "15"), Ok(2));
    assert_eq!(guest.show("/proc/self/oom_score_adj"), Ok("1000\n".into()));
    assert_eq!(guest.show("/proc/self/oom_adj"), Ok("15\n".into()));
    assert_eq!(guest.store("/proc/self/coredump_filter", "0xfff\n"), Ok(6));
    assert_eq!(guest.show("/proc/self/coredump_filter"), Ok("000001ff\n".into()));
    assert_eq!(guest.store("/proc/self/timerslack_ns", "50001"), Err(Errno::EINVAL));
    assert_eq!(guest.store("/proc/self/oom_score_adj", ""), Err(Errno::EINVAL));
    let frames = guest.open("/proc/kpagecount", 0).unwrap();
    assert_eq!(guest.call(PREAD, &[frames, BUFFER, 4096, RAM_BYTES / 4096 * 8 - 16]), Ok(16));
    assert_eq!(guest.call(PREAD, &[frames, BUFFER, 7, 0]), Err(Errno::EINVAL));
    let maps = guest.show("/proc/self/numa_maps").unwrap();
    assert!(maps.starts_with("00100000 default anon="), "{maps}");
}
