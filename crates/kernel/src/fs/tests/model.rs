//! The same operations in three places give the same results: natively in a folder, through a writable mount, and in
//! the layer over a read-only mount, whose folder stays as it was.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

use proptest::prelude::*;
use rustix::fs::{self as host, AtFlags, Mode, OFlags, RenameFlags};

use super::World;
use crate::Errno;
use crate::fs::{At, Follow, Kind, MountMode, New, OpenFileId, OpenFlags, Rename, Seek};

/// Files open at once.
const SLOTS: usize = 3;
/// The directory where the operations start: so deep that `..` does not leave the folder.
const START: &str = "u/u/u/u/u/u";

#[derive(Clone, Debug)]
enum Op {
    Open(usize, String, OpenFlags, u32),
    Close(usize),
    Read(usize, usize),
    Write(usize, usize, u8),
    WriteAt(usize, u64, usize),
    Seek(usize, u64),
    SetSize(usize, u64),
    StatFile(usize),
    Stat(String, bool),
    Mkdir(String, u32),
    Rmdir(String),
    Unlink(String),
    Rename(String, String, u32),
    Link(String, String),
    Symlink(String, String),
    ReadLink(String),
    Chmod(String, u32),
    ChmodFile(usize, u32),
    Truncate(String, u64),
    List(String),
}

/// What an operation gives, in a form that can be compared.
type Outcome = Result<String, Errno>;

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![8 => "[a-c]", 2 => "[h-l]", 1 => Just("..".to_owned()), 1 => Just(".".to_owned())];
    let names = proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    (names, prop_oneof![9 => Just(""), 1 => Just("/")]).prop_map(|(path, slash)| path + slash)
}

/// A path without `..`. What lies above the start keeps its permissions, as look-ups below it pass through there here,
/// and do not on a host whose process already is below.
fn path_down() -> impl Strategy<Value = String> {
    path().prop_filter("leads up", |path| !path.contains(".."))
}

fn open_flags() -> impl Strategy<Value = OpenFlags> {
    let access = prop_oneof![
        Just(OpenFlags::empty()),
        Just(OpenFlags::WRONLY),
        Just(OpenFlags::RDWR),
        Just(OpenFlags::RDWR | OpenFlags::CREAT)
    ];
    let more = [
        OpenFlags::CREAT,
        OpenFlags::EXCL,
        OpenFlags::TRUNC,
        OpenFlags::APPEND,
        OpenFlags::DIRECTORY,
        OpenFlags::NOFOLLOW,
        OpenFlags::PATH,
    ];
    (access, proptest::sample::subsequence(more.to_vec(), 0..3)).prop_map(|(access, more)| {
        let flags = more.into_iter().fold(access, |a, b| a | b);
        // O_EXCL without O_CREAT is undefined.
        if flags.contains(OpenFlags::CREAT) { flags } else { flags - OpenFlags::EXCL }
    })
}

/// Permission bits that no umask takes away from the native run.
fn own_bits() -> impl Strategy<Value = u32> {
    (0u32..8).prop_map(|bits| bits << 6)
}

fn op() -> impl Strategy<Value = Op> {
    let size = || prop_oneof![0u64..20, 4090u64..4100, 0u64..20_000];
    let slot = || 0..SLOTS;
    prop_oneof![
        4 => (slot(), path(), open_flags(), own_bits()).prop_map(|(s, p, f, m)| Op::Open(s, p, f, m)),
        1 => slot().prop_map(Op::Close),
        2 => (slot(), 0usize..9000).prop_map(|(s, n)| Op::Read(s, n)),
        3 => (slot(), 0usize..9000, any::<u8>()).prop_map(|(s, n, b)| Op::Write(s, n, b)),
        1 => (slot(), size(), 0usize..5000).prop_map(|(s, o, n)| Op::WriteAt(s, o, n)),
        1 => (slot(), size()).prop_map(|(s, o)| Op::Seek(s, o)),
        1 => (slot(), size()).prop_map(|(s, n)| Op::SetSize(s, n)),
        1 => slot().prop_map(Op::StatFile),
        2 => (path(), any::<bool>()).prop_map(|(p, f)| Op::Stat(p, f)),
        3 => (path(), own_bits()).prop_map(|(p, m)| Op::Mkdir(p, m)),
        2 => path().prop_map(Op::Rmdir),
        3 => path().prop_map(Op::Unlink),
        4 => (path(), path(), prop_oneof![4 => Just(0u32), 1 => Just(1), 1 => Just(2)])
            .prop_map(|(a, b, f)| Op::Rename(a, b, f)),
        2 => (path(), path()).prop_map(|(a, b)| Op::Link(a, b)),
        2 => (path_down(), path()).prop_map(|(a, b)| Op::Symlink(a, b)),
        1 => path().prop_map(Op::ReadLink),
        1 => (path_down(), 0u32..0o10000).prop_map(|(p, m)| Op::Chmod(p, m)),
        1 => (slot(), 0u32..0o10000).prop_map(|(s, m)| Op::ChmodFile(s, m)),
        1 => (path(), size()).prop_map(|(p, n)| Op::Truncate(p, n)),
        2 => path().prop_map(Op::List),
    ]
}

/// The same files in each place.
fn populate(folder: &Path) {
    let start = folder.join(START);
    std::fs::create_dir_all(start.join("a/b")).unwrap();
    std::fs::create_dir(start.join("c")).unwrap();
    std::fs::write(start.join("h"), vec![b'h'; 5000]).unwrap();
    std::fs::write(start.join("a/i"), b"short").unwrap();
    std::fs::write(start.join("a/b/j"), vec![b'j'; 12_288]).unwrap();
    std::fs::hard_link(start.join("h"), start.join("c/k")).unwrap();
    std::os::unix::fs::symlink("../a/i", start.join("c/l")).unwrap();
    std::os::unix::fs::symlink("a/b", start.join("l")).unwrap();
}

fn describe(kind: Kind, permissions: u32, nlink: u32, size: u64) -> String {
    // The sizes of directories are each file system's own, and those of links tell nothing.
    let size = if kind == Kind::Regular { size } else { 0 };
    format!("{kind:?} {permissions:o} {nlink} {size}")
}

fn pattern(len: usize, byte: u8) -> Vec<u8> {
    (0..len).map(|i| byte.wrapping_add(i as u8)).collect()
}

fn digest(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7u64, |h, &b| h.wrapping_mul(31).wrapping_add(b.into()));
    format!("{} bytes {sum:x}", bytes.len())
}

/// The host itself.
struct Native {
    dir: OwnedFd,
    slots: [Option<OwnedFd>; SLOTS],
}

impl Native {
    fn new(folder: &Path) -> Self {
        let dir = host::open(folder.join(START), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        Self { dir, slots: [const { None }; SLOTS] }
    }

    fn fd(&self, slot: usize) -> Result<&OwnedFd, Errno> {
        self.slots[slot].as_ref().ok_or(Errno::EBADF)
    }

    fn apply(&mut self, op: &Op) -> Outcome {
        let dir = &self.dir;
        let done = || Ok(String::new());
        let stat = |s: host::Stat| {
            let stat = crate::fs::host::stat_of(&s).meta;
            Ok(describe(stat.kind, stat.permissions, stat.nlink, stat.size))
        };
        match op {
            Op::Open(slot, path, flags, mode) => {
                let flags = OFlags::from_bits_retain(flags.bits());
                self.slots[*slot] = None;
                self.slots[*slot] = Some(host::openat(dir, path.as_str(), flags, Mode::from_raw_mode(*mode))?);
                done()
            }
            Op::Close(slot) => self.slots[*slot].take().map(|_| String::new()).ok_or(Errno::EBADF),
            Op::Read(slot, len) => {
                let mut buf = vec![0; *len];
                let n = rustix::io::read(self.fd(*slot)?, &mut buf)?;
                Ok(digest(&buf[..n]))
            }
            Op::Write(slot, len, byte) => Ok(rustix::io::write(self.fd(*slot)?, &pattern(*len, *byte))?.to_string()),
            Op::WriteAt(slot, offset, len) => {
                Ok(rustix::io::pwrite(self.fd(*slot)?, &pattern(*len, 1), *offset)?.to_string())
            }
            Op::Seek(slot, offset) => Ok(host::seek(self.fd(*slot)?, host::SeekFrom::Start(*offset))?.to_string()),
            Op::SetSize(slot, size) => {
                host::ftruncate(self.fd(*slot)?, *size)?;
                done()
            }
            Op::StatFile(slot) => stat(host::fstat(self.fd(*slot)?)?),
            Op::Stat(path, follow) => {
                let flags = if *follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
                stat(host::statat(dir, path.as_str(), flags)?)
            }
            Op::Mkdir(path, mode) => {
                host::mkdirat(dir, path.as_str(), Mode::from_raw_mode(*mode))?;
                done()
            }
            Op::Rmdir(path) => {
                host::unlinkat(dir, path.as_str(), AtFlags::REMOVEDIR)?;
                done()
            }
            Op::Unlink(path) => {
                host::unlinkat(dir, path.as_str(), AtFlags::empty())?;
                done()
            }
            Op::Rename(from, to, flags) => {
                let flags = RenameFlags::from_bits_retain(*flags);
                host::renameat_with(dir, from.as_str(), dir, to.as_str(), flags)?;
                done()
            }
            Op::Link(from, to) => {
                host::linkat(dir, from.as_str(), dir, to.as_str(), AtFlags::empty())?;
                done()
            }
            Op::Symlink(target, path) => {
                host::symlinkat(target.as_str(), dir, path.as_str())?;
                done()
            }
            Op::ReadLink(path) => {
                Ok(host::readlinkat(dir, path.as_str(), Vec::new())?.into_string().expect("made of ASCII"))
            }
            Op::Chmod(path, mode) => {
                host::chmodat(dir, path.as_str(), Mode::from_raw_mode(*mode), AtFlags::empty())?;
                done()
            }
            Op::ChmodFile(slot, mode) => {
                let fd = self.fd(*slot)?;
                // Directories that are open keep their permissions, for the reason given at `path_down`.
                if crate::fs::host::stat_fd(fd)?.meta.kind != Kind::Directory {
                    host::fchmod(fd, Mode::from_raw_mode(*mode))?;
                }
                done()
            }
            Op::Truncate(path, size) => {
                // What `truncate` does, which rustix does not have.
                let stat = host::statat(dir, path.as_str(), AtFlags::empty())?;
                if host::FileType::from_raw_mode(stat.st_mode) == host::FileType::Directory {
                    return Err(Errno::EISDIR);
                }
                let fd = host::openat(dir, path.as_str(), OFlags::WRONLY, Mode::empty())?;
                host::ftruncate(fd, *size)?;
                done()
            }
            Op::List(path) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let fd = host::openat(dir, path.as_str(), flags, Mode::empty())?;
                let names = host::Dir::new(fd)?.map(|e| e.map(|e| e.file_name().to_string_lossy().into_owned()));
                let mut names = names.collect::<Result<Vec<_>, _>>()?;
                names.sort();
                Ok(names.join(" "))
            }
        }
    }
}

/// A guest's files.
struct Guest {
    world: World,
    slots: [Option<OpenFileId>; SLOTS],
}

impl Guest {
    fn new(empty: &Path, folder: &Path, mode: MountMode) -> Self {
        let mut world = World::mounted(empty, folder, mode);
        world.cwd = world.vfs.directory(world.cwd, format!("/m/{START}").as_bytes()).unwrap();
        world.vfs.inode_get(world.cwd);
        Self { world, slots: [None; SLOTS] }
    }

    fn close(&mut self, slot: usize) -> Outcome {
        let file = self.slots[slot].take().ok_or(Errno::EBADF)?;
        let (vfs, mut cx) = self.world.parts();
        vfs.file_put(&mut cx, file);
        Ok(String::new())
    }

    fn apply(&mut self, op: &Op) -> Outcome {
        if let Op::Open(slot, ..) = op {
            let _was_open = self.close(*slot);
        }
        let (cwd, slots) = (self.world.cwd, self.slots);
        let slot = |slot: usize| slots[slot].ok_or(Errno::EBADF);
        let (vfs, mut cx) = self.world.parts();
        let cx = &mut cx;
        vfs.inodes.drop_unneeded(&[vfs.root]);
        let done = |()| String::new();
        let stat = |s: crate::fs::FileStat| describe(s.meta.kind, s.meta.permissions, s.meta.nlink, s.meta.size);
        match op {
            Op::Open(slot, path, flags, mode) => {
                self.slots[*slot] = Some(vfs.open(cx, cwd, path.as_bytes(), *flags, *mode)?);
                Ok(String::new())
            }
            Op::Close(slot) => self.close(*slot),
            Op::Read(s, len) => {
                let mut buf = vec![0; *len];
                let n = vfs.read(cx, slot(*s)?, At::Offset, &mut buf)?;
                Ok(digest(&buf[..n]))
            }
            Op::Write(s, len, byte) => {
                vfs.write(cx, slot(*s)?, At::Offset, &pattern(*len, *byte)).map(|n| n.to_string())
            }
            Op::WriteAt(s, offset, len) => {
                vfs.write(cx, slot(*s)?, At::Position(*offset), &pattern(*len, 1)).map(|n| n.to_string())
            }
            Op::Seek(s, offset) => vfs.seek(slot(*s)?, Seek::Start(*offset)).map(|n| n.to_string()),
            Op::SetSize(s, size) => {
                let file = slot(*s)?;
                match (vfs.file_flags(file), vfs.file_inode(file)) {
                    (flags, _) if flags.contains(OpenFlags::PATH) => Err(Errno::EBADF),
                    (flags, Some(inode)) if flags.writes() => vfs.set_size(cx, inode, *size).map(done),
                    _ => Err(Errno::EINVAL),
                }
            }
            Op::StatFile(s) => vfs.stat_file(slot(*s)?).map(stat),
            Op::Stat(path, follow) => {
                let follow = if *follow { Follow::Always } else { Follow::NotLast };
                let inode = vfs.walk(cwd, path.as_bytes(), follow)?;
                vfs.stat(inode).map(stat)
            }
            Op::Mkdir(path, mode) => vfs.make(cwd, path.as_bytes(), New::Directory, *mode).map(|_| String::new()),
            Op::Rmdir(path) => vfs.rmdir(cx, cwd, path.as_bytes()).map(done),
            Op::Unlink(path) => vfs.unlink(cx, cwd, path.as_bytes()).map(done),
            Op::Rename(from, to, flags) => {
                let flags = Rename::from_bits_retain(*flags);
                vfs.rename(cx, (cwd, from.as_bytes()), (cwd, to.as_bytes()), flags).map(done)
            }
            Op::Link(from, to) => {
                let inode = vfs.walk(cwd, from.as_bytes(), Follow::NotLast)?;
                vfs.link(inode, cwd, to.as_bytes()).map(done)
            }
            Op::Symlink(target, path) => {
                vfs.make(cwd, path.as_bytes(), New::Symlink(target.clone().into()), 0o777).map(|_| String::new())
            }
            Op::ReadLink(path) => {
                let inode = vfs.walk(cwd, path.as_bytes(), Follow::NotLast)?;
                vfs.read_link(inode).map(|t| String::from_utf8(t).expect("made of ASCII"))
            }
            Op::Chmod(path, mode) => {
                let inode = vfs.walk(cwd, path.as_bytes(), Follow::Always)?;
                vfs.set_permissions(inode, *mode).map(done)
            }
            Op::ChmodFile(s, mode) => {
                let file = slot(*s)?;
                match vfs.file_inode(file) {
                    Some(_) if vfs.stat_file(file)?.meta.kind == Kind::Directory => Ok(String::new()),
                    Some(inode) if !vfs.file_flags(file).contains(OpenFlags::PATH) => {
                        vfs.set_permissions(inode, *mode).map(done)
                    }
                    _ => Err(Errno::EBADF),
                }
            }
            Op::Truncate(path, size) => {
                let inode = vfs.walk(cwd, path.as_bytes(), Follow::Always)?;
                vfs.truncate(cx, inode, *size).map(done)
            }
            Op::List(path) => {
                let dir = vfs.open(cx, cwd, path.as_bytes(), OpenFlags::DIRECTORY, 0)?;
                let names = vfs.directory_names(dir);
                vfs.file_put(cx, dir);
                let (names, _) = names?;
                Ok(sorted(names.iter().map(|e| String::from_utf8_lossy(&e.name).into_owned())))
            }
        }
    }
}

fn sorted(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.join(" ")
}

/// Everything below a folder.
fn snapshot(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let stat = crate::fs::host::stat_of(&host::lstat(&path).unwrap()).meta;
        let mut text = describe(stat.kind, stat.permissions, stat.nlink, stat.size);
        match stat.kind {
            Kind::Directory => left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path())),
            Kind::Regular => text += &digest(&std::fs::read(&path).unwrap()),
            _ => text += &std::fs::read_link(&path).unwrap().to_string_lossy(),
        }
        all.insert(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned(), text);
    }
    all
}

/// Everything that a guest sees below a folder.
fn guest_snapshot(world: &mut World, folder: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut left = vec![String::new()];
    while let Some(path) = left.pop() {
        let full = format!("{folder}/{path}");
        let inode = world.vfs.walk(world.cwd, full.trim_end_matches('/').as_bytes(), Follow::NotLast).unwrap();
        let stat = world.vfs.stat(inode).unwrap().meta;
        let mut text = describe(stat.kind, stat.permissions, stat.nlink, stat.size);
        match stat.kind {
            Kind::Directory => {
                let join = |name| if path.is_empty() { name } else { format!("{path}/{name}") };
                left.extend(world.names(&full).unwrap().into_iter().map(join));
            }
            Kind::Regular => text += &digest(&world.read(&full).unwrap()),
            _ => text += &String::from_utf8(world.vfs.read_link(inode).unwrap()).unwrap(),
        }
        all.insert(path, text);
    }
    all
}

/// 64 sequences; PROPTEST_CASES asks for another number.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64);
    ProptestConfig { cases, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn layer_and_writable_mount_do_as_the_host_does(ops in proptest::collection::vec(op(), 1..80)) {
        let temp = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = temp.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            folder
        };
        let (native, writable, layered, empty) = (folder("native"), folder("writable"), folder("layered"), folder("empty"));
        for place in [&native, &writable, &layered] {
            populate(place);
        }
        let before = snapshot(&layered);
        let mut host = Native::new(&native);
        let mut through = Guest::new(&empty, &writable, MountMode::Writable);
        let mut layer = Guest::new(&empty, &layered, MountMode::Layered);
        for op in &ops {
            let expected = host.apply(op);
            prop_assert_eq!(&through.apply(op), &expected, "writable mount, {:?}", op);
            prop_assert_eq!(&layer.apply(op), &expected, "layer, {:?}", op);
        }
        if rustix::process::geteuid().is_root() {
            let expected = snapshot(&native);
            prop_assert_eq!(&snapshot(&writable), &expected, "on the host behind the writable mount");
            prop_assert_eq!(&guest_snapshot(&mut through.world, "/m"), &expected, "through the writable mount");
            prop_assert_eq!(&guest_snapshot(&mut layer.world, "/m"), &expected, "in the layer");
        }
        prop_assert_eq!(snapshot(&layered), before, "the layer's host folder has changed");
    }
}
