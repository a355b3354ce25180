//! The files that the compared programs work on: made anew for each run, the same bytes and times each time.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// A folder with all input files.
pub(crate) fn create() -> TempDir {
    let dir = tempfile::Builder::new().prefix("pagewalk-native").tempdir().expect("a temporary folder");
    fill(dir.path()).expect("the temporary folder takes files");
    dir
}

/// Puts all input files into a folder.
pub(crate) fn fill(dir: &Path) -> std::io::Result<()> {
    let text = prose(4_000);
    let files: [(&str, Vec<u8>); 16] = [
        ("text", text.clone().into_bytes()),
        ("edited", edited(&text).into_bytes()),
        ("numbers", numbers(500).into_bytes()),
        ("keys", b"3 c z\n1 b y\n2 a x\n10 a w\n2 a x\n1 b a\n".to_vec()),
        ("left", b"1 one\n2 two\n3 three\n5 five\n".to_vec()),
        ("table.csv", table(200).into_bytes()),
        ("passwd", b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/bash\n".to_vec()),
        ("random", random(100_000)),
        ("zeros", vec![0; 50_000]),
        ("empty", Vec::new()),
        ("no-newline", b"last line without an end".to_vec()),
        ("dos", b"a\r\nb\r\n".to_vec()),
        ("words.xz", include_bytes!("words.xz").to_vec()),
        ("words.lzma", include_bytes!("words.lzma").to_vec()),
        ("tree/a.txt", b"alpha\n".to_vec()),
        ("tree/sub/deep/b.txt", b"beta\nalpha beta\n".to_vec()),
    ];
    fs::create_dir_all(dir.join("tree/sub/deep"))?;
    fs::create_dir_all(dir.join("tree/void"))?;
    for (index, (name, bytes)) in files.iter().enumerate() {
        fs::write(dir.join(name), bytes)?;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000 + 86_400 * index as u64);
        File::options().write(true).open(dir.join(name))?.set_modified(modified)?;
    }
    for folder in ["tree/sub/deep", "tree/sub", "tree/void", "tree"] {
        File::open(dir.join(folder))?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_400_000_000))?;
    }
    std::os::unix::fs::symlink("a.txt", dir.join("tree/link"))?;
    std::os::unix::fs::symlink("nowhere", dir.join("tree/dangling"))
}

/// A generator whose numbers never change (xorshift64*).
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    const fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }
}

const WORDS: [&str; 24] = [
    "the", "page", "walk", "of", "a", "table", "entry", "frame", "and", "fault", "is", "linear", "address", "to",
    "memory", "Kernel", "cache", "in", "stale", "TLB", "write", "copy", "on", "zero",
];

fn prose(words: usize) -> String {
    let mut random = Random(1);
    let mut text = String::new();
    for index in 0..words {
        text += WORDS[random.below(WORDS.len() as u64) as usize];
        text += if index % 11 == 10 { ".\n" } else { " " };
    }
    text + "\n"
}

fn edited(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(40);
    lines[7] = "a line that was changed";
    lines.insert(100, "a line that is new");
    lines.join("\n") + "\n"
}

fn numbers(count: usize) -> String {
    let mut random = Random(2);
    let mut text = String::new();
    for _ in 0..count {
        let sign = if random.below(3) == 0 { "-" } else { "" };
        writeln!(text, "{sign}{}.{:03}", random.below(2_000), random.below(1_000)).expect("a string takes all");
    }
    text
}

fn table(rows: usize) -> String {
    let mut random = Random(3);
    let mut text = String::from("id,name,price,count\n");
    for id in 0..rows {
        let name = WORDS[random.below(WORDS.len() as u64) as usize];
        writeln!(text, "{id},{name},{}.{:02},{}", random.below(500), random.below(100), random.below(50))
            .expect("a string takes all");
    }
    text
}

fn random(bytes: usize) -> Vec<u8> {
    let mut random = Random(4);
    (0..bytes).map(|_| random.below(256) as u8).collect()
}
