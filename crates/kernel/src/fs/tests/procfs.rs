//! /proc and /dev: names, links, what becomes of a process that ends; FIFOs.

use super::World;
use crate::Errno;
use crate::fs::{At, FileKind, Follow, Kind, New, OpenFileId, OpenFlags, ProcLinks, Ready};
use crate::wait::Channel;

/// A world with two processes, of which 7 is the current one.
fn world() -> (tempfile::TempDir, World) {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("file"), "0123456789").unwrap();
    std::fs::create_dir(temp.path().join("dir")).unwrap();
    let mut world = World::rooted(temp.path());
    let files = world.vfs.new_fd_table();
    world.vfs.proc_add(7, ProcLinks { files, exe: b"/bin/prog".to_vec(), cwd: world.cwd });
    let files = world.vfs.fork_fd_table(files);
    world.vfs.proc_fork(7, 12, files);
    world.vfs.proc_set_current(7);
    (temp, world)
}

fn open(world: &mut World, path: &str, flags: OpenFlags) -> Result<OpenFileId, Errno> {
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    vfs.open(&mut cx, cwd, path.as_bytes(), flags, 0o644)
}

fn put(world: &mut World, file: OpenFileId) {
    let (vfs, mut cx) = world.parts();
    vfs.file_put(&mut cx, file);
}

fn read_link(world: &mut World, path: &str) -> Result<String, Errno> {
    let inode = world.vfs.walk(world.cwd, path.as_bytes(), Follow::NotLast)?;
    world.vfs.read_link(inode).map(|target| String::from_utf8(target).unwrap())
}

/// Installs an open file as a descriptor of process 7.
fn descriptor(world: &mut World, file: OpenFileId) -> u64 {
    let entry = crate::fs::Descriptor { file, on_exec: crate::fs::OnExec::Keep };
    let files = world.files_of(7);
    world.vfs.fds_mut(files).install(entry, 0, 1024).unwrap()
}

#[test]
fn processes_have_directories() {
    let (_temp, mut world) = world();
    let names = world.names("/proc").unwrap();
    assert_eq!(names[names.len() - 2..], ["7", "12"], "in the order of their numbers");
    assert_eq!(read_link(&mut world, "/proc/self").unwrap(), "7");
    assert_eq!(read_link(&mut world, "/proc/self/exe").unwrap(), "/bin/prog");
    assert_eq!(read_link(&mut world, "/proc/mounts").unwrap(), "self/mounts");
    assert_eq!(read_link(&mut world, "/dev/stdout").unwrap(), "/proc/self/fd/1");
    assert_eq!(world.names("/proc/12/fd").unwrap(), ["0", "1", "2"]);
    assert_eq!(world.names("/dev/fd").unwrap(), ["0", "1", "2"]);
    for gone in ["/proc/8", "/proc/07", "/proc/+7", "/proc/7/nothing", "/proc/7/fd/3", "/proc/7/fd/00"] {
        assert_eq!(world.vfs.walk(world.cwd, gone.as_bytes(), Follow::Always), Err(Errno::ENOENT), "{gone}");
    }
    let fd = world.vfs.walk(world.cwd, b"/proc/self/fd", Follow::Always).unwrap();
    assert_eq!(world.vfs.inode_name(fd), b"/proc/7/fd");
    assert_eq!(world.vfs.walk(world.cwd, b"/proc/self/cwd/file", Follow::Always).map(|_| ()), Ok(()));
    assert_eq!(world.vfs.walk(world.cwd, b"/proc/self/root/dir/..", Follow::Always), Ok(world.cwd));
    assert_eq!(world.vfs.walk(world.cwd, b"/proc/7/task/7/status", Follow::Always).map(|_| ()), Ok(()));
}

#[test]
fn nothing_can_be_made_or_removed_there() {
    let (_temp, mut world) = world();
    let cwd = world.cwd;
    world.vfs.enter(crate::fs::Timestamp::default(), 0, 0);
    assert_eq!(world.vfs.make(cwd, b"/proc/x", New::Directory, 0o755), Err(Errno::ENOENT));
    assert_eq!(world.write("/proc/7/x", b""), Err(Errno::ENOENT));
    assert_eq!(world.unlink("/proc/7/stat"), Err(Errno::EPERM));
    let file = open(&mut world, "/proc/7/stat", OpenFlags::WRONLY).unwrap();
    let (vfs, mut cx) = world.parts();
    assert_eq!(vfs.write(&mut cx, file, At::Offset, b"x"), Err(Errno::EINVAL));
}

#[test]
fn a_descriptor_leads_to_its_file_even_without_a_name() {
    let (_temp, mut world) = world();
    let file = open(&mut world, "/file", OpenFlags::RDWR).unwrap();
    let fd = descriptor(&mut world, file);
    let path = format!("/proc/self/fd/{fd}");
    assert_eq!(read_link(&mut world, &path).unwrap(), "/file");
    world.vfs.set_offset(file, 4);
    assert_eq!(world.read(&path).unwrap(), b"0123456789", "opened anew, with an offset of its own");
    world.unlink("/file").unwrap();
    assert_eq!(read_link(&mut world, &path).unwrap(), "/file (deleted)");
    assert_eq!(world.read(&path).unwrap(), b"0123456789");
    assert_eq!(world.write(&path, b"new"), Ok(3));
    assert_eq!(world.read(&path).unwrap(), b"new");
    assert_eq!(world.read(&format!("{path}/x")), Err(Errno::ENOTDIR));
    assert_eq!(open(&mut world, &path, OpenFlags::NOFOLLOW), Err(Errno::ELOOP));
}

#[test]
fn a_pipe_can_be_opened_anew() {
    let (_temp, mut world) = world();
    let [reader, writer] = world.vfs.open_pipe(OpenFlags::empty()).unwrap();
    let (read_fd, write_fd) = (descriptor(&mut world, reader), descriptor(&mut world, writer));
    let [path, write_path] = [read_fd, write_fd].map(|fd| format!("/proc/self/fd/{fd}"));
    assert!(read_link(&mut world, &path).unwrap().starts_with("pipe:["));
    let again = open(&mut world, &write_path, OpenFlags::WRONLY).unwrap();
    put(&mut world, writer);
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    let mut buf = [0; 4];
    assert_eq!(vfs.read(&mut cx, reader, At::Offset, &mut buf), Err(Errno::EAGAIN), "there is a writer still");
    assert_eq!(vfs.write(&mut cx, again, At::Offset, b"abc"), Ok(3));
    let other = vfs.open(&mut cx, cwd, path.as_bytes(), OpenFlags::empty(), 0).unwrap();
    assert_eq!(vfs.read(&mut cx, other, At::Offset, &mut buf), Ok(3));
    let no_path = vfs.open(&mut cx, cwd, path.as_bytes(), OpenFlags::PATH, 0);
    assert_eq!(no_path, Err(Errno::ENXIO));
    for file in [again, other, reader] {
        vfs.file_put(&mut cx, file);
    }
    assert_eq!(vfs.take_woken().len(), 1, "all of it is about one pipe");
}

#[test]
fn a_stream_can_be_opened_anew() {
    let (_temp, mut world) = world();
    assert_eq!(world.write("/dev/stdout", b"out"), Ok(3));
    assert_eq!(world.read("/dev/stdin").unwrap(), b"");
    assert_eq!(read_link(&mut world, "/proc/self/fd/1").unwrap(), "pipe:[4]");
    let found = world.vfs.find(world.cwd, b"/dev/stdin", Follow::Always).unwrap();
    let file = found.file.expect("a stream has no inode");
    assert_eq!(world.vfs.stat_file(file).unwrap().meta.kind, Kind::Fifo);
}

#[test]
fn what_is_open_of_a_process_outlives_it() {
    let (_temp, mut world) = world();
    let before = world.vfs.walk(world.cwd, b"/proc/12", Follow::Always).unwrap();
    let dir = open(&mut world, "/proc/12/fd", OpenFlags::DIRECTORY).unwrap();
    let text = open(&mut world, "/proc/12/stat", OpenFlags::empty()).unwrap();
    let files = world.files_of(12);
    let (vfs, mut cx) = world.parts();
    vfs.drop_fd_table(&mut cx, files);
    assert_eq!(world.names("/proc/12/fd").unwrap(), [""; 0], "a zombie has no descriptors");
    assert_eq!(read_link(&mut world, "/proc/12/cwd"), Err(Errno::ENOENT));
    world.vfs.proc_remove(12);
    assert!(world.vfs.inodes.find(before).is_none(), "its inode is gone");
    assert_eq!(world.names("/proc").unwrap().last().unwrap(), "7");
    let inode = world.vfs.file_inode(dir).unwrap();
    assert_eq!(world.vfs.lookup(inode, b"0"), Ok(None));
    assert_eq!(
        world.vfs.walk(inode, b"..", Follow::Always),
        Ok(world.vfs.walk(world.cwd, b"/proc", Follow::Always).unwrap())
    );
    assert_eq!(world.vfs.directory_names(dir).map(|_| ()), Err(Errno::ENOENT));
    put(&mut world, dir);
    assert!(world.vfs.inodes.find(inode).is_none());
    put(&mut world, text);
}

#[test]
fn a_fifo_joins_those_who_open_it() {
    let (_temp, mut world) = world();
    let cwd = world.cwd;
    world.vfs.make(cwd, b"/fifo", New::Fifo, 0o644).unwrap();
    let inode = world.vfs.walk(cwd, b"/fifo", Follow::Always).unwrap();
    assert_eq!(world.vfs.stat(inode).unwrap().meta.kind, Kind::Fifo);
    let nonblock = OpenFlags::NONBLOCK;
    assert_eq!(open(&mut world, "/fifo", OpenFlags::WRONLY | nonblock), Err(Errno::ENXIO));
    let path_only = open(&mut world, "/fifo", OpenFlags::PATH).unwrap();
    assert_eq!(world.vfs.file(path_only).kind, FileKind::Fifo);
    let reader = open(&mut world, "/fifo", OpenFlags::empty()).unwrap();
    let pipe = world.vfs.awaits_partner(reader).expect("nobody writes yet");
    let early = open(&mut world, "/fifo", nonblock).unwrap();
    assert_eq!(world.vfs.awaits_partner(early), None);
    assert_eq!(world.vfs.ready(early, Ready::IN), Ok(Ready::empty()), "not hung up before anybody wrote");
    assert_eq!(world.vfs.take_woken(), [Channel::Pipe(pipe)]);
    let writer = open(&mut world, "/fifo", OpenFlags::WRONLY).unwrap();
    assert_eq!(world.vfs.take_woken(), [Channel::Pipe(pipe)]);
    assert_eq!([reader, writer].map(|file| world.vfs.awaits_partner(file)), [None; 2]);
    let (vfs, mut cx) = world.parts();
    assert_eq!(vfs.write(&mut cx, writer, At::Offset, b"through"), Ok(7));
    vfs.file_put(&mut cx, writer);
    assert_eq!(vfs.ready(early, Ready::IN), Ok(Ready::IN | Ready::HUP));
    let mut buf = [0; 10];
    assert_eq!(vfs.read(&mut cx, reader, At::Offset, &mut buf), Ok(7));
    assert_eq!(vfs.read(&mut cx, reader, At::Offset, &mut buf), Ok(0));
    for file in [reader, early] {
        vfs.file_put(&mut cx, file);
    }
    let both = open(&mut world, "/fifo", OpenFlags::RDWR).unwrap();
    assert_eq!(world.vfs.awaits_partner(both), None);
    world.unlink("/fifo").unwrap();
    put(&mut world, both);
    put(&mut world, path_only);
    assert!(world.vfs.inodes.find(inode).is_none());
}

#[test]
fn open_files_are_bounded() {
    let (_temp, mut world) = world();
    let mut pipes = 0;
    let error = loop {
        match world.vfs.open_pipe(OpenFlags::empty()) {
            Ok(_) => pipes += 1,
            Err(e) => break e,
        }
    };
    assert_eq!((pipes, error), ((65_536 - 3) / 2, Errno::ENFILE));
    let last = open(&mut world, "/file", OpenFlags::empty()).expect("a failed pipe gives its first end back");
    assert_eq!(open(&mut world, "/file", OpenFlags::empty()), Err(Errno::ENFILE));
    put(&mut world, last);
    assert!(open(&mut world, "/file", OpenFlags::empty()).is_ok());
}
