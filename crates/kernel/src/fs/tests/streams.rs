//! Standard streams that are files: what they are called.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::Errno;
use crate::fs::{BufferConsole, Console, Kind, Meta, Mount, MountMode, OpenFlags, Ready, Stream, Vfs, ViewConfig};

/// Standard streams that all are one file of the host.
struct FileConsole {
    silent: BufferConsole,
    path: PathBuf,
}

impl Console for FileConsole {
    fn read(&mut self, stream: Stream, buf: &mut [u8]) -> Result<usize, Errno> {
        self.silent.read(stream, buf)
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<usize, Errno> {
        self.silent.write(stream, bytes)
    }

    fn stat(&self, stream: Stream) -> Result<(Meta, Option<(u64, u64)>), Errno> {
        let (meta, _) = self.silent.stat(stream)?;
        let file = std::fs::metadata(&self.path).unwrap();
        Ok((Meta { kind: Kind::Regular, ..meta }, Some((file.dev(), file.ino()))))
    }

    fn path(&self, _: Stream) -> Option<PathBuf> {
        Some(self.path.clone())
    }

    fn flags(&self, stream: Stream) -> OpenFlags {
        self.silent.flags(stream)
    }

    fn poll(&mut self, stream: Stream, wanted: Ready, wait: Option<Duration>) -> Result<Ready, Errno> {
        self.silent.poll(stream, wanted, wait)
    }

    fn may_wait(&self, _: Stream) -> bool {
        false
    }

    fn poll_any(&mut self, wants: &[(Stream, Ready)], wait: Option<Duration>) -> Result<Vec<Stream>, Errno> {
        self.silent.poll_any(wants, wait)
    }

    fn available(&self, _: Stream) -> Result<u32, Errno> {
        Ok(0)
    }
}

#[test]
fn an_inherited_file_has_the_name_that_the_guest_knows() {
    let host = tempfile::tempdir().unwrap();
    let folder = host.path().canonicalize().unwrap();
    for dir in ["root/dir", "work"] {
        std::fs::create_dir_all(folder.join(dir)).unwrap();
    }
    for (file, expected) in
        [("root/dir/in", "/dir/in"), ("work/out", "/m/out"), ("outside", "/dev/stdin"), ("root/dir/gone", "/dev/stdin")]
    {
        std::fs::write(folder.join(file), "x").unwrap();
        let console = FileConsole { silent: BufferConsole::default(), path: folder.join(file) };
        let mounts = vec![Mount { host: folder.join("work"), guest: "/m".into(), mode: MountMode::Writable }];
        let view = ViewConfig { root: Some(folder.join("root")), mounts, ..ViewConfig::default() };
        let mut vfs = Vfs::new(view, Box::new(console)).unwrap();
        if file.ends_with("gone") {
            // Another file has the name now.
            std::fs::rename(folder.join(file), folder.join("moved")).unwrap();
            std::fs::write(folder.join(file), "y").unwrap();
            let console = FileConsole { silent: BufferConsole::default(), path: folder.join("moved") };
            vfs.console = Box::new(console);
        }
        assert_eq!(vfs.stream_name(Stream::In), expected.as_bytes(), "{file}");
    }
}
