//! mount and umount2, and what is mounted.

use super::memory::{pool, superuser};
use super::*;

const STATFS: u64 = 137;
const MOUNT: u64 = 165;
const UMOUNT2: u64 = 166;
const FTRUNCATE: u64 = 77;
const RENAME: u64 = 82;
const RMDIR: u64 = 84;
const LINK: u64 = 86;
const CHDIR: u64 = 80;
const MNT_DETACH: u64 = 2;
const H: u64 = 2 << 20;

impl Guest {
    fn mount(&mut self, at: &str, kind: &str, options: &str) -> Result<u64, Errno> {
        // The place for a path serves one at a time.
        self.put(BUFFER, format!("{kind}\0").as_bytes());
        self.put(BUFFER + 64, format!("{options}\0").as_bytes());
        let at = self.path(at);
        self.call(MOUNT, &[0, at, BUFFER, 0, BUFFER + 64])
    }

    fn umount(&mut self, at: &str, how: u64) -> Result<u64, Errno> {
        let at = self.path(at);
        self.call(UMOUNT2, &[at, how])
    }

    fn magic(&mut self, at: &str) -> u64 {
        let at = self.path(at);
        self.call(STATFS, &[at, BUFFER]).unwrap();
        self.word(BUFFER)
    }

    fn exists(&mut self, path: &str) -> bool {
        let path = self.path(path);
        self.call(21, &[path, 0]).is_ok()
    }
}

#[test]
fn a_file_system_of_memory_covers_a_directory_until_it_goes() {
    let mut guest = superuser();
    let shmem = guest.meminfo("Shmem");
    let fd = guest.open("/dir/below", O_RDWR | O_CREAT).unwrap();
    guest.call(CLOSE, &[fd]).unwrap();
    assert_eq!(guest.mount("/dir", "tmpfs", "size=1m,mode=750"), Ok(0));
    assert_eq!(guest.magic("/dir"), 0x0102_1994);
    assert!(!guest.exists("/dir/below"));
    let inner = guest.path("/dir/inner");
    assert_eq!(guest.call(83, &[inner, 0o755]), Ok(0), "mkdir");
    let fd = guest.open("/dir/inner/file", O_RDWR | O_CREAT).unwrap();
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 9_000]), Ok(9_000));
    assert_eq!(guest.umount("/dir", 0), Err(Errno::EBUSY));
    assert_eq!(guest.meminfo("Shmem"), shmem + 12);
    guest.call(CLOSE, &[fd]).unwrap();
    let inside = guest.path("/dir/inner");
    guest.call(CHDIR, &[inside]).unwrap();
    assert_eq!(guest.umount("/dir", 0), Err(Errno::EBUSY), "somebody is in it");
    let root = guest.path("/");
    guest.call(CHDIR, &[root]).unwrap();
    let dir = guest.path("/dir");
    assert_eq!(guest.call(RMDIR, &[dir]), Err(Errno::EBUSY));
    assert_eq!(guest.umount("/dir", 0), Ok(0));
    assert!(guest.exists("/dir/below") && !guest.exists("/dir/inner"));
    assert_eq!(guest.umount("/dir", 0), Err(Errno::EINVAL));
    assert_eq!(guest.meminfo("Shmem"), shmem, "its pages are free again");
}

#[test]
fn what_is_open_outlives_a_lazy_umount() {
    let mut guest = superuser();
    guest.mount("/dir", "tmpfs", "").unwrap();
    let fd = guest.open("/dir/file", O_RDWR | O_CREAT).unwrap();
    guest.put(BUFFER, b"still here");
    guest.call(WRITE, &[fd, BUFFER, 10]).unwrap();
    assert_eq!(guest.umount("/dir", MNT_DETACH), Ok(0));
    assert!(!guest.exists("/dir/file"));
    assert_eq!(guest.call(17, &[fd, BUFFER + 100, 10, 0]), Ok(10), "pread");
    assert_eq!(guest.get(BUFFER + 100, 10), b"still here");
    guest.call(CLOSE, &[fd]).unwrap();
}

#[test]
fn mounts_lie_on_each_other_and_names_do_not_cross_them() {
    let mut guest = superuser();
    for name in ["one", "two"] {
        guest.mount("/dir", "tmpfs", "").unwrap();
        let fd = guest.open(&format!("/dir/{name}"), O_RDWR | O_CREAT).unwrap();
        guest.call(CLOSE, &[fd]).unwrap();
    }
    assert!(guest.exists("/dir/two") && !guest.exists("/dir/one"));
    let old = guest.path("/dir/two");
    guest.put(BUFFER, b"/elsewhere\0");
    assert_eq!(guest.call(RENAME, &[old, BUFFER]), Err(Errno::EXDEV));
    assert_eq!(guest.call(LINK, &[old, BUFFER]), Err(Errno::EXDEV));
    guest.umount("/dir", 0).unwrap();
    assert!(guest.exists("/dir/one") && !guest.exists("/dir/two"));
    guest.umount("/dir", 0).unwrap();
    assert!(!guest.exists("/dir/one"));
}

#[test]
fn files_of_a_mounted_hugetlbfs_have_large_pages() {
    let mut guest = superuser();
    guest.write_text("/proc/sys/vm/nr_hugepages", b"2").unwrap();
    assert_eq!(guest.mount("/dir", "hugetlbfs", "pagesize=2M,mode=0777"), Ok(0));
    assert_eq!(guest.magic("/dir"), 0x958_458f6);
    let fd = guest.open("/dir/large", O_RDWR | O_CREAT).unwrap();
    assert_eq!(guest.call(FTRUNCATE, &[fd, H]), Ok(0));
    let at = guest.memory_call(9, &[0, H, 3, 1, fd, 0]).unwrap();
    guest.put(at, b"x");
    assert_eq!(pool(&mut guest), [2, 1, 0, 0]);
    guest.memory_call(11, &[at, H]).unwrap();
    guest.call(CLOSE, &[fd]).unwrap();
    assert_eq!(pool(&mut guest), [2, 1, 0, 0], "the file has it");
    guest.umount("/dir", 0).unwrap();
    assert_eq!(pool(&mut guest), [2, 2, 0, 0]);
}

#[test]
fn what_cannot_be_mounted_is_refused() {
    let mut guest = superuser();
    assert_eq!(guest.mount("/dir", "ext4", ""), Err(Errno::ENODEV));
    assert_eq!(guest.mount("/dir", "tmpfs", "colour=red"), Err(Errno::EINVAL));
    assert_eq!(guest.mount("/file", "tmpfs", ""), Err(Errno::ENOTDIR));
    assert_eq!(guest.mount("/nothing", "tmpfs", ""), Err(Errno::ENOENT));
    assert_eq!(guest.mount("/", "tmpfs", ""), Err(Errno::EBUSY));
    assert_eq!(guest.umount("/proc", 0), Err(Errno::EINVAL));
    assert_eq!(guest.umount("/dir", 0x100), Err(Errno::EINVAL));
    let mut user = super::memory::guest_of(1000);
    assert_eq!(user.mount("/dir", "tmpfs", ""), Err(Errno::EPERM));
}
