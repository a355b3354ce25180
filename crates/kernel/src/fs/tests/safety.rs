//! What a guest is not given it cannot reach.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode};

use super::World;
use crate::Errno;
use crate::fs::{FsError, Mount, MountMode, New, OpenFlags, ViewConfig};

/// A folder `jail` to be given to a guest, and beside it a secret.
fn jail() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir_all(temp.path().join("jail/etc")).unwrap();
    fs::write(temp.path().join("secret"), "secret").unwrap();
    fs::write(temp.path().join("jail/etc/passwd"), "the jail's").unwrap();
    temp
}

fn in_jail(temp: &Path) -> World {
    World::rooted(&temp.join("jail"))
}

#[test]
fn dot_dot_stays_at_the_root() {
    let temp = jail();
    let mut world = in_jail(temp.path());
    for path in ["../secret", "/../secret", "/etc/../../secret", "etc/../../../../../../../secret"] {
        assert_eq!(world.read(path), Err(Errno::ENOENT), "{path}");
    }
    assert_eq!(world.read("/../../etc/../../etc/passwd").unwrap(), b"the jail's");
}

#[test]
fn links_are_resolved_in_the_guests_names() {
    let temp = jail();
    let jail = temp.path().join("jail");
    symlink("/etc/passwd", jail.join("absolute")).unwrap();
    symlink("../../../etc/passwd", jail.join("relative")).unwrap();
    symlink(temp.path().join("secret"), jail.join("escape")).unwrap();
    symlink("../secret", jail.join("up")).unwrap();
    symlink(temp.path(), jail.join("dir")).unwrap();
    let mut world = in_jail(temp.path());
    assert_eq!(world.read("absolute").unwrap(), b"the jail's");
    assert_eq!(world.read("relative").unwrap(), b"the jail's");
    for path in ["escape", "up", "dir/secret"] {
        assert_eq!(world.read(path), Err(Errno::ENOENT), "{path}");
        assert_ne!(world.write_with(path, b"x", OpenFlags::TRUNC), Ok(1), "{path}");
    }
    world.vfs.make(world.cwd, b"made", New::Symlink(b"/../../secret".to_vec()), 0o777).unwrap();
    assert_eq!(world.read("made"), Err(Errno::ENOENT));
    assert_eq!(fs::read(temp.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn link_loops_end() {
    let temp = jail();
    let jail = temp.path().join("jail");
    symlink("b", jail.join("a")).unwrap();
    symlink("a", jail.join("b")).unwrap();
    symlink("self/x", jail.join("self")).unwrap();
    let mut world = in_jail(temp.path());
    for path in ["a", "b/c", "self"] {
        assert_eq!(world.read(path), Err(Errno::ELOOP), "{path}");
    }
    // 40 links are followed, 41 are not.
    let mut last = "etc/passwd".to_owned();
    for i in 0..41 {
        world.vfs.make(world.cwd, format!("n{i}").as_bytes(), New::Symlink(last.into_bytes()), 0o777).unwrap();
        last = format!("n{i}");
    }
    assert_eq!(world.read("n39").unwrap(), b"the jail's");
    assert_eq!(world.read("n40"), Err(Errno::ELOOP));
}

#[test]
fn names_and_paths_have_a_longest() {
    let temp = jail();
    let mut world = in_jail(temp.path());
    let name = "n".repeat(255);
    assert_eq!(world.write(&name, b"x"), Ok(1));
    assert_eq!(world.write(&format!("{name}n"), b"x"), Err(Errno::ENAMETOOLONG));
    assert_eq!(world.read(&"/".repeat(4096)), Err(Errno::ENAMETOOLONG));
    assert_eq!(world.read(&"./".repeat(2047)), Err(Errno::EISDIR));
    assert_eq!(world.read(""), Err(Errno::ENOENT));
}

#[test]
fn the_default_view_leaves_out_the_kernels_files() {
    let mut world = World::new(ViewConfig::default());
    for path in [
        "/sys/fs",
        "/sys/block",
        "/run",
        "/proc/1/root/etc/passwd",
        "/proc/self/root/etc",
        "/proc/self/mem",
        "/proc/self/fd/0",
    ] {
        assert_eq!(world.read(path), Err(Errno::ENOENT), "{path}");
    }
    let names = world.names("/").unwrap();
    assert!(names.contains(&"etc".to_owned()), "the host's own files are there: {names:?}");
    assert!(!names.contains(&"run".to_owned()), "{names:?}");
    let shown = world.names("/proc").unwrap();
    assert!(shown.iter().all(|name| name.parse::<u32>().is_err()), "no process of the host: {shown:?}");
    let devices = ["fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"];
    assert_eq!(world.names("/dev").unwrap(), devices);
}

#[test]
fn another_proc_is_an_empty_directory() {
    let temp = tempfile::tempdir().unwrap();
    let mounts = vec![Mount { host: "/".into(), guest: "/host".into(), mode: MountMode::Writable }];
    let mut world = World::new(ViewConfig { root: Some(temp.path().into()), mounts, ..ViewConfig::default() });
    if Path::new("/proc/self/exe").exists() {
        assert_eq!(world.names("/host/proc").unwrap(), [""; 0]);
        for path in ["/host/proc/self/exe", "/host/proc/1/root/etc/passwd", "/host/proc/self/environ"] {
            assert_eq!(world.read(path), Err(Errno::ENOENT), "{path}");
        }
        // What is written there goes to memory, though the mount is writable.
        let root = rustix::process::geteuid().is_root();
        assert_eq!(world.write("/host/proc/new", b"x"), if root { Ok(1) } else { Err(Errno::EACCES) });
        assert!(!Path::new("/proc/new").exists());
    }
}

#[test]
fn sockets_fifos_and_devices_do_not_exist() {
    let temp = jail();
    let jail = temp.path().join("jail");
    let _socket = std::os::unix::net::UnixListener::bind(jail.join("socket")).unwrap();
    rustix::fs::mknodat(CWD, jail.join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    let device = rustix::fs::makedev(1, 3);
    let has_device =
        rustix::fs::mknodat(CWD, jail.join("null"), FileType::CharacterDevice, Mode::from_raw_mode(0o666), device);
    let mut hidden = vec!["socket", "fifo"];
    hidden.extend(has_device.is_ok().then_some("null"));

    let mut layered = in_jail(temp.path());
    assert_eq!(layered.names("/").unwrap(), ["dev", "etc", "proc", "sys"]);
    for name in &hidden {
        assert_eq!(layered.read(name), Err(Errno::ENOENT), "{name}");
        assert_eq!(layered.write(name, b"own"), Ok(3), "the name is free in the layer");
        assert_eq!(layered.read(name).unwrap(), b"own");
    }

    let empty = tempfile::tempdir().unwrap();
    let mut writable = World::mounted(empty.path(), &jail, MountMode::Writable);
    assert_eq!(writable.names("/m").unwrap(), ["etc"]);
    for name in &hidden {
        let path = format!("/m/{name}");
        assert_eq!(writable.read(&path), Err(Errno::ENOENT), "{name}");
        assert_eq!(writable.write(&path, b"x"), Err(Errno::EEXIST), "{name} is not opened, nor replaced");
        writable.write("/m/mine", b"x").unwrap();
        assert_eq!(rename(&mut writable, "/m/mine", &path), Err(Errno::EEXIST), "{name} is not lost");
    }
    assert_eq!(fs::read_dir(&jail).unwrap().count(), 2 + hidden.len());
}

fn rename(world: &mut World, from: &str, to: &str) -> Result<(), Errno> {
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    vfs.rename(&mut cx, (cwd, from.as_bytes()), (cwd, to.as_bytes()), crate::fs::Rename::empty())
}

#[test]
fn a_writable_mount_does_not_reach_outside_through_links() {
    let temp = jail();
    let jail = temp.path().join("jail");
    symlink("../secret", jail.join("up")).unwrap();
    symlink(temp.path().join("secret"), jail.join("absolute")).unwrap();
    symlink(temp.path(), jail.join("dir")).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let mut world = World::mounted(empty.path(), &jail, MountMode::Writable);
    for path in ["/m/up", "/m/absolute", "/m/dir/secret", "/m/../secret"] {
        assert_eq!(world.read(path), Err(Errno::ENOENT), "{path}");
        let cwd = world.cwd;
        let (vfs, mut cx) = world.parts();
        assert_eq!(vfs.unlink(&mut cx, cwd, b"/m/dir/secret"), Err(Errno::ENOENT));
    }
    for path in ["/m/up", "/m/absolute", "/m/dir/secret", "/m/../secret"] {
        let _ends_in_the_layer = world.write(path, b"overwritten");
    }
    assert_eq!(fs::read(temp.path().join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "nothing was made outside");
}

#[test]
fn a_folder_that_turns_into_a_link_meanwhile_is_not_followed() {
    let temp = jail();
    let jail = temp.path().join("jail");
    fs::create_dir(jail.join("d")).unwrap();
    fs::write(jail.join("d/secret"), "decoy").unwrap();
    let empty = tempfile::tempdir().unwrap();
    let mut world = World::mounted(empty.path(), &jail, MountMode::Writable);
    let dir = world.vfs.directory(world.cwd, b"/m/d").unwrap();
    world.vfs.inode_get(dir);
    fs::remove_dir_all(jail.join("d")).unwrap();
    symlink("..", jail.join("d")).unwrap();
    world.cwd = dir;
    assert!(world.read("secret").is_err());
    assert!(world.write("new", b"x").is_err());
    assert!(!temp.path().join("new").exists());
}

#[test]
fn renames_and_links_do_not_cross_mounts() {
    let temp = jail();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("file"), "x").unwrap();
    let mut world = World::mounted(&temp.path().join("jail"), other.path(), MountMode::Writable);
    assert_eq!(rename(&mut world, "/m/file", "/file"), Err(Errno::EXDEV));
    assert_eq!(rename(&mut world, "/etc/passwd", "/m/passwd"), Err(Errno::EXDEV));
    assert_eq!(rename(&mut world, "/m", "/n"), Err(Errno::EBUSY));
    let file = world.vfs.walk(world.cwd, b"/m/file", crate::fs::Follow::Always).unwrap();
    assert_eq!(world.vfs.link(file, world.cwd, b"/file"), Err(Errno::EXDEV));
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    assert_eq!(vfs.rmdir(&mut cx, cwd, b"/m"), Err(Errno::EBUSY));
}

#[test]
fn mount_points_are_made_in_the_layer_only() {
    let temp = jail();
    let mount = |guest: &str| Mount { host: temp.path().into(), guest: guest.into(), mode: MountMode::Layered };
    let view = |mounts| ViewConfig { root: Some(temp.path().join("jail")), mounts, ..ViewConfig::default() };
    let mut world = World::new(view(vec![mount("/a/b/c"), mount("/etc/d")]));
    assert_eq!(world.read("/a/b/c/secret").unwrap(), b"secret");
    assert_eq!(world.read("/etc/d/secret").unwrap(), b"secret");
    assert_eq!(world.read("/etc/passwd").unwrap(), b"the jail's");
    assert_eq!(world.names("/etc").unwrap(), ["d", "passwd"]);
    assert!(!temp.path().join("jail/a").exists());
    let console = || Box::new(crate::fs::BufferConsole::default());
    for bad in ["/", "/etc/passwd/x", "/a/../b"] {
        let failed = crate::fs::Vfs::new(view(vec![mount(bad)]), console());
        assert!(matches!(failed, Err(FsError::MountPoint { .. })), "{bad}");
    }
    let missing = Mount { host: temp.path().join("none"), guest: "/x".into(), mode: MountMode::Writable };
    assert!(matches!(crate::fs::Vfs::new(view(vec![missing]), console()), Err(FsError::HostFolder { .. })));
}

#[test]
fn the_layer_is_bounded() {
    let temp = jail();
    let mut world = in_jail(temp.path());
    let mut made = 0u32;
    let error = loop {
        let target = vec![b'x'; 4000];
        match world.vfs.make(world.cwd, format!("{made}").as_bytes(), New::Symlink(target), 0o777) {
            Ok(_) => made += 1,
            Err(e) => break e,
        }
        assert!(made < 100_000, "the host's memory has a bound");
    };
    assert_eq!(error, Errno::ENOSPC);
    // What is given back can be used again.
    for i in 0..10 {
        world.unlink(&format!("{i}")).unwrap();
    }
    assert_eq!(world.write("again", b"x"), Ok(1));
}

#[test]
fn many_host_files_are_forgotten_and_keep_their_numbers() {
    let temp = tempfile::tempdir().unwrap();
    for i in 0..300 {
        fs::write(temp.path().join(format!("f{i}")), "x").unwrap();
    }
    let mut world = World::rooted(temp.path());
    let numbers = |world: &mut World| -> Vec<u64> {
        (0..300)
            .map(|i| {
                let inode = world.vfs.walk(world.cwd, format!("f{i}").as_bytes(), crate::fs::Follow::Always).unwrap();
                world.vfs.stat(inode).unwrap().ino
            })
            .collect()
    };
    let first = numbers(&mut world);
    let root = world.cwd;
    world.vfs.inodes.drop_unneeded(&[root]);
    assert_eq!(numbers(&mut world), first);
    let mut sorted = first.clone();
    sorted.dedup();
    assert_eq!(sorted.len(), 300);
}
