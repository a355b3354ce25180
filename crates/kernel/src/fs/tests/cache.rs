//! The page cache: frames, holes, the end of files, space.

use std::fs;
use std::time::Instant;

use super::World;
use crate::Errno;
use crate::fs::{At, Follow, InodeId, MountMode, OpenFlags, PageError, PageSource, ViewConfig};

fn world_with(name: &str, bytes: &[u8]) -> (tempfile::TempDir, World) {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join(name), bytes).unwrap();
    let world = World::rooted(temp.path());
    (temp, world)
}

fn inode(world: &mut World, path: &str) -> InodeId {
    world.vfs.walk(world.cwd, path.as_bytes(), Follow::Always).unwrap()
}

/// The bytes of a page as a mapping would show them.
fn mapped(world: &mut World, inode: InodeId, index: u64) -> Result<(Vec<u8>, PageSource), PageError> {
    let (vfs, mut cx) = world.parts();
    let page = vfs.page(&mut cx, inode, index)?;
    let mut bytes = vec![0; 4096];
    cx.mem.read(page.pfn.base(), &mut bytes);
    Ok((bytes, page.source))
}

#[test]
fn a_page_is_read_once_and_zero_beyond_the_end() {
    let (_temp, mut world) = world_with("f", &[7; 5000]);
    let f = inode(&mut world, "f");
    assert_eq!(mapped(&mut world, f, 0).unwrap(), (vec![7; 4096], PageSource::Disk));
    assert_eq!(mapped(&mut world, f, 0).unwrap().1, PageSource::Cache);
    let (tail, source) = mapped(&mut world, f, 1).unwrap();
    assert_eq!((&tail[..904], source), (&[7; 904][..], PageSource::Disk));
    assert!(tail[904..].iter().all(|&b| b == 0));
    assert_eq!(mapped(&mut world, f, 2), Err(PageError::BeyondEof));
    assert_eq!(world.frames.in_use(), 1 + 2, "frame 0 and two pages");
}

#[test]
fn an_empty_file_has_no_page() {
    let (_temp, mut world) = world_with("f", b"");
    let f = inode(&mut world, "f");
    assert_eq!(mapped(&mut world, f, 0), Err(PageError::BeyondEof));
}

#[test]
fn what_is_written_is_seen_by_a_mapping() {
    let (_temp, mut world) = world_with("f", &[1; 8192]);
    let f = inode(&mut world, "f");
    mapped(&mut world, f, 1).unwrap();
    world.write_with("f", &[2; 6000], OpenFlags::empty()).unwrap();
    let (first, second) = (mapped(&mut world, f, 0).unwrap().0, mapped(&mut world, f, 1).unwrap().0);
    assert_eq!(first, vec![2; 4096]);
    assert_eq!((&second[..1904], &second[1904..]), (&[2; 1904][..], &[1; 2192][..]));
}

#[test]
fn truncation_zeroes_what_comes_back() {
    let (_temp, mut world) = world_with("f", &[9; 10_000]);
    let f = inode(&mut world, "f");
    let (vfs, mut cx) = world.parts();
    vfs.truncate(&mut cx, f, 5000).unwrap();
    vfs.truncate(&mut cx, f, 12_000).unwrap();
    let all = world.read("f").unwrap();
    assert_eq!(all.len(), 12_000);
    assert!(all[..5000].iter().all(|&b| b == 9) && all[5000..].iter().all(|&b| b == 0));
}

#[test]
fn holes_take_no_frames() {
    let (_temp, mut world) = world_with("f", b"");
    let before = world.frames.in_use();
    let f = inode(&mut world, "f");
    let (vfs, mut cx) = world.parts();
    vfs.truncate(&mut cx, f, 1 << 40).unwrap();
    let mut buf = [1; 10_000];
    assert_eq!(vfs.read_at(&mut cx, f, 1 << 39, &mut buf), Ok(10_000));
    assert_eq!(buf, [0; 10_000]);
    assert_eq!(vfs.write_at(&mut cx, f, i64::MAX as u64, b"x"), Err(Errno::EFBIG));
    assert_eq!(vfs.write_at(&mut cx, f, i64::MAX as u64 - 1, b"xy"), Ok(1));
    assert_eq!(world.frames.in_use(), before + 1);
}

#[test]
fn the_layer_is_full_when_ram_is() {
    let temp = tempfile::tempdir().unwrap();
    let mut world = World::with_ram(ViewConfig { root: Some(temp.path().into()), ..ViewConfig::default() }, 64 << 10);
    assert_eq!(world.write("f", &[1; 100_000]), Ok(15 * 4096), "as much as there is room for");
    assert_eq!(world.write("g", b"x"), Err(Errno::ENOSPC));
    world.unlink("f").unwrap();
    assert_eq!(world.write("g", b"x"), Ok(1));
    let g = inode(&mut world, "g");
    let (vfs, mut cx) = world.parts();
    assert_eq!(vfs.allocate(&mut cx, g, 0, 1 << 50), Err(Errno::ENOSPC));
    assert_eq!(vfs.allocate(&mut cx, g, 0, 10 << 12), Ok(()));
    assert_eq!(world.frames.in_use(), 1 + 10);
}

#[test]
fn pages_that_fallocate_took_are_forgotten_with_their_frames() {
    let temp = tempfile::tempdir().unwrap();
    let mut world = World::with_ram(ViewConfig { root: Some(temp.path().into()), ..ViewConfig::default() }, 64 << 10);
    world.write("f", b"x").unwrap();
    let f = inode(&mut world, "f");
    let (vfs, mut cx) = world.parts();
    let unwritten = |vfs: &mut crate::fs::Vfs| vfs.inodes.get_mut(f).contents().unwrap().unwritten.len();
    vfs.allocate(&mut cx, f, 4 << 12, 3 << 12).unwrap();
    assert_eq!(unwritten(vfs), 3);
    vfs.set_size(&mut cx, f, 6 << 12).unwrap();
    assert_eq!(unwritten(vfs), 2, "one was beyond the end");
    vfs.punch_hole(&mut cx, f, 5 << 12, 1 << 12).unwrap();
    assert_eq!(unwritten(vfs), 1);
    vfs.set_size(&mut cx, f, 0).unwrap();
    assert_eq!(unwritten(vfs), 0);
    vfs.allocate(&mut cx, f, 0, 10 << 12).unwrap();
    world.write("g", &[1; 10 << 12]).unwrap();
    let taken = world.vfs.inodes.get_mut(f).contents().unwrap();
    assert!(taken.unwritten.len() < 10, "g has frames of some of them");
    assert!(taken.unwritten.iter().all(|index| taken.pages.contains_key(index)));
}

#[test]
fn a_file_larger_than_ram_can_be_read() {
    let bytes: Vec<u8> = (0..300_000u32).map(|i| (i / 7) as u8).collect();
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("f"), &bytes).unwrap();
    let mut world = World::with_ram(ViewConfig { root: Some(temp.path().into()), ..ViewConfig::default() }, 64 << 10);
    assert!(world.read("f").unwrap() == bytes);
    assert!(world.read("f").unwrap() == bytes);
}

#[test]
fn a_page_that_is_mapped_is_not_given_up() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("f"), vec![3; 100_000]).unwrap();
    let mut world = World::with_ram(ViewConfig { root: Some(temp.path().into()), ..ViewConfig::default() }, 64 << 10);
    let f = inode(&mut world, "f");
    let (vfs, mut cx) = world.parts();
    let page = vfs.page(&mut cx, f, 4).unwrap();
    cx.frames.get_ref(page.pfn);
    world.read("f").unwrap();
    let (vfs, mut cx) = world.parts();
    assert_eq!(vfs.page(&mut cx, f, 4).map(|p| (p.pfn, p.source)), Ok((page.pfn, PageSource::Cache)));
}

#[test]
fn a_host_file_that_shrinks_reads_as_zeros() {
    let (temp, mut world) = world_with("f", &[5; 8192]);
    let f = inode(&mut world, "f");
    fs::write(temp.path().join("f"), [5; 100]).unwrap();
    let (page, _) = mapped(&mut world, f, 0).unwrap();
    assert_eq!((&page[..100], page[100]), (&[5; 100][..], 0));
    assert_eq!(mapped(&mut world, f, 1).unwrap().0, vec![0; 4096]);
}

#[test]
fn a_writable_mount_writes_through_and_back() {
    let (temp, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(temp.path().join("f"), [1; 5000]).unwrap();
    let mut world = World::mounted(empty.path(), temp.path(), MountMode::Writable);
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    let file = vfs.open(&mut cx, cwd, b"/m/f", OpenFlags::RDWR, 0).unwrap();
    let f = vfs.file_inode(file).unwrap();
    let page = vfs.page(&mut cx, f, 1).unwrap();
    vfs.write(&mut cx, file, At::Position(4090), &[2; 10]).unwrap();
    let mut seen = [0; 4];
    cx.mem.read(page.pfn.base(), &mut seen);
    assert_eq!(seen, [2; 4], "the mapping sees the write");
    assert_eq!(fs::read(temp.path().join("f")).unwrap()[4090..4100], [2; 10], "and so does the host");
    cx.mem.write(page.pfn.base().wrapping_add(900), &[3; 8]);
    vfs.write_back(&mut cx, f, 1).unwrap();
    let host = fs::read(temp.path().join("f")).unwrap();
    assert_eq!((host.len(), &host[4096 + 900..]), (5000, &[3; 4][..]), "the file does not grow by its last page");
    vfs.file_put(&mut cx, file);
    assert_eq!(world.frames.in_use(), 1);
}

#[test]
fn reading_is_not_slow() {
    let (_temp, mut world) = world_with("f", &vec![1; 2 << 20]);
    let cwd = world.cwd;
    let (vfs, mut cx) = world.parts();
    let file = vfs.open(&mut cx, cwd, b"f", OpenFlags::empty(), 0).unwrap();
    let start = Instant::now();
    for _ in 0..20 {
        vfs.seek(file, crate::fs::Seek::Start(0)).unwrap();
        let mut buf = [0; 4096];
        while vfs.read(&mut cx, file, At::Offset, &mut buf).unwrap() > 0 {}
    }
    // 40 MiB from the cache take some 10 ms; per-byte work would take far more than this.
    assert!(start.elapsed().as_millis() < 2000, "{:?}", start.elapsed());
}
