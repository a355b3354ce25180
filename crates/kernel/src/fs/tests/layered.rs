//! The layer over host files that may not change: copy-up, whiteouts, merged listings, numbers, times.

use std::fs;

use super::World;
use crate::Errno;
use crate::fs::{
    BufferConsole, FileStat, Follow, FsError, New, OpenFlags, Rename, SetTime, Timestamp, Vfs, ViewConfig,
};

fn folder() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("one"), "first").unwrap();
    fs::write(temp.path().join("two"), vec![b'2'; 10_000]).unwrap();
    fs::create_dir(temp.path().join("dir")).unwrap();
    fs::write(temp.path().join("dir/three"), "third").unwrap();
    fs::hard_link(temp.path().join("one"), temp.path().join("same")).unwrap();
    temp
}

fn stat(world: &mut World, path: &str) -> FileStat {
    let inode = world.vfs.walk(world.cwd, path.as_bytes(), Follow::NotLast).unwrap();
    world.vfs.stat(inode).unwrap()
}

fn rename(world: &mut World, from: &str, to: &str) -> Result<(), Errno> {
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    vfs.rename(&mut cx, (cwd, from.as_bytes()), (cwd, to.as_bytes()), Rename::empty())
}

#[test]
fn writes_stay_in_memory() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    assert_eq!(world.write_with("one", b"FI", OpenFlags::empty()), Ok(2));
    assert_eq!(world.read("one").unwrap(), b"FIrst");
    assert_eq!(world.read("same").unwrap(), b"FIrst", "hard links are one file");
    assert_eq!(world.write_with("two", b"end", OpenFlags::APPEND), Ok(3));
    assert_eq!(world.read("two").unwrap(), [&[b'2'; 10_000][..], b"end"].concat());
    world.write("dir/new", b"new").unwrap();
    assert_eq!(fs::read(temp.path().join("one")).unwrap(), b"first");
    assert_eq!(fs::read(temp.path().join("two")).unwrap(), vec![b'2'; 10_000]);
    assert!(!temp.path().join("dir/new").exists());
}

#[test]
fn listings_are_merged_and_sorted() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    world.write("zero", b"").unwrap();
    world.write("alpha", b"").unwrap();
    world.unlink("two").unwrap();
    rename(&mut world, "one", "moved").unwrap();
    assert_eq!(world.names("/").unwrap(), ["alpha", "dev", "dir", "moved", "proc", "same", "sys", "zero"]);
    assert_eq!(world.read("two"), Err(Errno::ENOENT));
    world.write("two", b"another").unwrap();
    assert_eq!(world.read("two").unwrap(), b"another");
    world.unlink("two").unwrap();
    assert_eq!(world.read("two"), Err(Errno::ENOENT), "the host's file does not come back");
}

#[test]
fn a_directory_made_where_the_host_had_one_is_empty() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    world.unlink("dir/three").unwrap();
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    vfs.rmdir(&mut cx, cwd, b"dir").unwrap();
    vfs.make(cwd, b"dir", New::Directory, 0o755).unwrap();
    assert_eq!(world.names("dir").unwrap(), [""; 0]);
}

#[test]
fn a_host_directory_can_move_with_what_is_in_it() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    rename(&mut world, "dir", "elsewhere").unwrap();
    assert_eq!(world.read("elsewhere/three").unwrap(), b"third");
    assert_eq!(world.read("dir/three"), Err(Errno::ENOENT));
    rename(&mut world, "elsewhere/three", "elsewhere/four").unwrap();
    assert_eq!(world.names("elsewhere").unwrap(), ["four"]);
    assert!(temp.path().join("dir/three").exists());
    let three = world.vfs.walk(world.cwd, b"elsewhere/four", Follow::Always).unwrap();
    assert_eq!(world.vfs.inode_name(three), b"/elsewhere/four");
}

#[test]
fn numbers_come_by_first_sight_and_links_share_them() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    let root = stat(&mut world, "/");
    let (two, one, same) = (stat(&mut world, "two"), stat(&mut world, "one"), stat(&mut world, "same"));
    assert_eq!(root.ino, 2);
    assert_eq!(two.ino + 1, one.ino, "in the order in which they were met");
    assert_eq!(one.ino, same.ino);
    assert_eq!((one.dev, one.meta.nlink), (root.dev, 2));
    assert_eq!(root.dev, 0x801);
    let mut again = World::rooted(temp.path());
    assert_eq!(stat(&mut again, "two").ino, two.ino);
}

#[test]
fn the_hosts_attributes_show_until_they_are_changed() {
    let temp = folder();
    let host = crate::fs::host::stat_of(&rustix::fs::lstat(temp.path().join("two")).unwrap()).meta;
    let mut world = World::rooted(temp.path());
    assert_eq!(stat(&mut world, "two").meta, host);
    let now = Timestamp { sec: 5_000_000_000, nsec: 7 };
    world.vfs.enter(now, 0, 0);
    world.write_with("two", b"x", OpenFlags::empty()).unwrap();
    let changed = stat(&mut world, "two").meta;
    assert_eq!((changed.mtime, changed.ctime, changed.atime), (now, now, host.atime));
    assert_eq!((changed.size, changed.permissions), (host.size, host.permissions));
    let two = world.vfs.walk(world.cwd, b"two", Follow::Always).unwrap();
    let then = Timestamp { sec: -1, nsec: 5 };
    world.vfs.set_times(two, SetTime::To(then), SetTime::Keep).unwrap();
    let changed = stat(&mut world, "two").meta;
    assert_eq!((changed.atime, changed.mtime), (then, now));
}

#[test]
fn an_unlinked_file_lives_as_long_as_it_is_open() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    let cwd = world.cwd;
    let before = world.frames.in_use();
    let (vfs, mut cx) = world.parts();
    let flags = OpenFlags::RDWR | OpenFlags::CREAT;
    let file = vfs.open(&mut cx, cwd, b"temporary", flags, 0o600).unwrap();
    vfs.unlink(&mut cx, cwd, b"temporary").unwrap();
    assert_eq!(vfs.write(&mut cx, file, crate::fs::At::Offset, b"still here"), Ok(10));
    let mut buf = [0; 20];
    assert_eq!(vfs.read(&mut cx, file, crate::fs::At::Position(6), &mut buf), Ok(4));
    assert_eq!(&buf[..4], b"here");
    assert_eq!(vfs.stat_file(file).unwrap().meta.nlink, 0);
    let inode = vfs.file_inode(file).unwrap();
    assert_eq!(vfs.inode_name(inode), b"/temporary (deleted)");
    vfs.file_put(&mut cx, file);
    assert_eq!(world.frames.in_use(), before, "its frames are free again");
}

#[test]
fn permissions_are_judged_for_others_than_root() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    let cwd = world.cwd;
    world.vfs.enter(Timestamp::default(), 0, 0);
    for (path, permissions) in [("one", 0o600), ("two", 0o604), ("dir", 0o700)] {
        let inode = world.vfs.walk(cwd, path.as_bytes(), Follow::Always).unwrap();
        world.vfs.set_owner(inode, Some(0), Some(0)).unwrap();
        world.vfs.set_permissions(inode, permissions).unwrap();
    }
    world.vfs.set_owner(cwd, Some(0), Some(0)).unwrap();
    world.vfs.set_permissions(cwd, 0o1777).unwrap();
    world.vfs.enter(Timestamp::default(), 12_345, 12_345);
    assert_eq!(world.read("one"), Err(Errno::EACCES));
    assert_eq!(world.read("two").map(|all| all.len()), Ok(10_000));
    assert_eq!(world.write_with("two", b"x", OpenFlags::empty()), Err(Errno::EACCES));
    assert_eq!(world.read("dir/three"), Err(Errno::EACCES));
    assert_eq!(world.unlink("two"), Err(Errno::EPERM), "the directory is sticky");
    let two = world.vfs.walk(cwd, b"two", Follow::Always).unwrap();
    assert_eq!(world.vfs.set_permissions(two, 0o666), Err(Errno::EPERM));
    assert_eq!(world.vfs.set_owner(two, Some(12_345), None), Err(Errno::EPERM));
    assert_eq!(world.write("mine", b"x"), Ok(1));
    let mine = stat(&mut world, "mine").meta;
    assert_eq!((mine.uid, mine.gid), (12_345, 12_345));
    assert_eq!(world.unlink("mine"), Ok(()));
}

#[test]
fn the_devices_do_what_they_are_for() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    assert_eq!(world.read("/dev/null").unwrap(), b"");
    assert_eq!(world.write("/dev/null", b"gone"), Ok(4));
    assert_eq!(world.write("/dev/full", b"x"), Err(Errno::ENOSPC));
    assert_eq!(world.read("/dev/tty"), Err(Errno::ENXIO));
    assert_eq!(stat(&mut world, "/dev/null").meta.rdev, 0x103);
    let mut random = |name: &str| {
        let cwd = world.cwd;
        let (vfs, mut cx) = world.parts();
        let file = vfs.open(&mut cx, cwd, name.as_bytes(), OpenFlags::empty(), 0).unwrap();
        let mut buf = [0; 100];
        assert_eq!(vfs.read(&mut cx, file, crate::fs::At::Offset, &mut buf), Ok(100));
        vfs.file_put(&mut cx, file);
        buf
    };
    let (zeros, first, second) = (random("/dev/zero"), random("/dev/urandom"), random("/dev/random"));
    assert_eq!(zeros, [0; 100]);
    assert_ne!(first, second);
    let mut again = World::rooted(temp.path());
    let cwd = again.cwd;
    let (vfs, mut cx) = again.parts();
    let file = vfs.open(&mut cx, cwd, b"/dev/random", OpenFlags::empty(), 0).unwrap();
    let mut buf = [0; 100];
    vfs.read(&mut cx, file, crate::fs::At::Offset, &mut buf).unwrap();
    assert_eq!(buf, first, "the same seed gives the same bytes");
}

#[test]
fn a_working_directory_with_a_name_is_told_of_by_it() {
    let temp = folder();
    std::fs::create_dir_all(temp.path().join("deep/er/below")).unwrap();
    let view = |name: &str| ViewConfig {
        root: Some(temp.path().into()),
        cwd: "/deep/er".into(),
        cwd_name: Some(name.into()),
        ..ViewConfig::default()
    };
    let mut world = World::new(view("here"));
    let root = world.cwd;
    let (vfs, _) = world.parts();
    let by_path = vfs.directory(root, b"/deep/er").unwrap();
    assert_eq!(vfs.directory(root, b"/here").unwrap(), by_path, "it is one directory");
    let below = vfs.directory(by_path, b"below").unwrap();
    assert_eq!(vfs.path_of(below).unwrap(), b"/here/below");
    let up = vfs.directory(by_path, b"..").unwrap();
    assert_eq!(vfs.path_of(up).unwrap(), b"/deep", "its parent is what it was");
    assert_eq!(vfs.directory(up, b"er/below").unwrap(), below);
    let taken = Vfs::new(view("deep"), Box::new(BufferConsole::default()));
    assert!(matches!(taken, Err(FsError::WorkingName { .. })), "what is there is not hidden");
}

#[test]
fn a_removed_working_directory_still_has_a_parent() {
    let temp = folder();
    let empty = tempfile::tempdir().unwrap();
    for mode in [crate::fs::MountMode::Layered, crate::fs::MountMode::Writable] {
        let mut world = World::mounted(empty.path(), temp.path(), mode);
        let root = world.cwd;
        for path in ["m/a", "m/a/b", "m/a/b/c"] {
            world.vfs.make(root, path.as_bytes(), New::Directory, 0o755).unwrap();
        }
        world.cwd = world.vfs.directory(root, b"m/a/b/c").unwrap();
        world.vfs.inode_get(world.cwd);
        let cwd = world.cwd;
        let (vfs, mut cx) = world.parts();
        for path in [&b"m/a/b/c"[..], b"m/a/b", b"m/a"] {
            vfs.rmdir(&mut cx, root, path).unwrap();
        }
        vfs.inodes.drop_unneeded(&[root]);
        assert_eq!(vfs.path_of(cwd), None);
        let up = vfs.walk(cwd, b"../../..", Follow::Always).unwrap();
        assert_eq!(vfs.path_of(up).unwrap(), b"/m");
        assert_eq!(vfs.make(cwd, b"x", New::Directory, 0o755), Err(Errno::ENOENT));
        vfs.inode_put(&mut cx, cwd);
        assert_eq!(vfs.walk(root, b"m/a", Follow::Always), Err(Errno::ENOENT));
        assert!(vfs.inodes.find(cwd).is_none(), "all three are freed");
    }
}

#[test]
fn a_file_outlives_the_directory_by_which_it_was_met() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    let root = world.cwd;
    world.vfs.make(root, b"d", New::Directory, 0o755).unwrap();
    world.write("d/f", b"text").unwrap();
    let f = world.vfs.walk(root, b"d/f", Follow::Always).unwrap();
    world.vfs.link(f, root, b"g").unwrap();
    world.unlink("d/f").unwrap();
    let (vfs, mut cx) = world.parts();
    vfs.rmdir(&mut cx, root, b"d").unwrap();
    vfs.inodes.drop_unneeded(&[root]);
    let _some_name = vfs.inode_name(f);
    assert_eq!(world.read("g").unwrap(), b"text");
}

#[test]
fn a_file_without_a_name_can_get_one() {
    let temp = folder();
    let mut world = World::rooted(temp.path());
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    let flags = OpenFlags::TMPFILE | OpenFlags::DIRECTORY | OpenFlags::RDWR;
    let file = vfs.open(&mut cx, cwd, b"dir", flags, 0o600).unwrap();
    vfs.write(&mut cx, file, crate::fs::At::Offset, b"text").unwrap();
    let inode = vfs.file_inode(file).unwrap();
    vfs.link(inode, cwd, b"named").unwrap();
    vfs.file_put(&mut cx, file);
    assert_eq!(world.read("named").unwrap(), b"text");
    assert_eq!(stat(&mut world, "named").meta.nlink, 1);
}
