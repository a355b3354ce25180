//! Rust's library with other processes: `Command` with pipes, environment and statuses; files, folders, standard input.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio, exit};
use std::time::{Duration, Instant};
use std::{env, fs, io};

fn commands() -> io::Result<()> {
    let output = Command::new("sort").arg("-r").arg("keys").output()?;
    print!("{} {}", output.status, String::from_utf8_lossy(&output.stdout));
    let output = Command::new("ls").arg("missing").output()?;
    println!("{:?} {:?}", output.status.code(), String::from_utf8_lossy(&output.stderr));
    println!("{:?}", Command::new("no-such-program").status().map_err(|e| e.kind()));
    println!("{:?}", Command::new("./text").status().map_err(|e| e.kind()));

    let mut child = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().expect("piped").write_all(b"through a pipe\n")?;
    print!("{}", io::read_to_string(child.stdout.take().expect("piped"))?);
    println!("{}", child.wait()?);

    let mut first = Command::new("cat").arg("text").stdout(Stdio::piped()).spawn()?;
    let middle = Command::new("grep").arg("-c").arg("fault").stdin(first.stdout.take().expect("piped")).output()?;
    println!("{} {}", String::from_utf8_lossy(&middle.stdout).trim(), first.wait()?);

    let mut sleeper = Command::new("sleep").arg("100").spawn()?;
    println!("{:?}", sleeper.try_wait()?);
    sleeper.kill()?;
    println!("killed by {:?}", sleeper.wait()?.signal());

    let mut command = Command::new("sh");
    command.args(["-c", "echo $A ${B-none} \"$0\" \"$1\"; pwd | sed 's/.*work/work/'; exit 9", "zero", "one two"]);
    let output = command.env_clear().env("A", "1").env("PATH", env::var("PATH").unwrap_or_default()).current_dir("tree").output()?;
    print!("{:?} {}", output.status.code(), String::from_utf8_lossy(&output.stdout));
    println!("{}", Command::new("sh").args(["-c", "kill -SEGV $$"]).status()?.signal().unwrap_or(0));
    let big = "x".repeat(300_000);
    println!("{:?}", Command::new("true").arg(&big).status().map_err(|e| e.kind()));
    let mut echo = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    echo.stdin.take().expect("piped").write_all(&big.as_bytes()[..60_000])?;
    let answer = io::read_to_string(echo.stdout.take().expect("piped"))?;
    println!("{} {}", answer.len(), echo.wait()?);
    Ok(())
}

fn files() -> io::Result<()> {
    fs::create_dir_all("made/a/b")?;
    fs::write("made/a/file", "one\ntwo\nthree\n")?;
    let mut file = fs::OpenOptions::new().read(true).append(true).open("made/a/file")?;
    writeln!(file, "four")?;
    file.seek(SeekFrom::Start(4))?;
    let mut rest = String::new();
    file.read_to_string(&mut rest)?;
    println!("{rest:?} {}", file.metadata()?.len());
    fs::copy("made/a/file", "made/a/b/copy")?;
    fs::rename("made/a/b/copy", "made/moved")?;
    std::os::unix::fs::symlink("moved", "made/link")?;
    println!("{:?} {}", fs::read_link("made/link")?, fs::canonicalize("made/link")?.ends_with("made/moved"));
    let mut names: Vec<_> = fs::read_dir("made")?.map(|e| e.map(|e| e.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    println!("{names:?} {}", fs::symlink_metadata("made/link")?.is_symlink());
    println!("{:?} {:?}", fs::remove_dir("made").map_err(|e| e.kind()), fs::create_dir("made").map_err(|e| e.kind()));
    file.set_len(5)?;
    println!("{:?}", fs::read_to_string("made/a/file")?);
    fs::set_permissions("made/moved", std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    fs::hard_link("made/moved", "made/hard")?;
    println!("{}", std::os::unix::fs::MetadataExt::nlink(&fs::metadata("made/hard")?));
    fs::remove_dir_all("made")?;
    println!("{}", fs::exists("made")?);
    println!("{:?}", fs::File::open("missing").map_err(|e| (e.kind(), e.raw_os_error())).map(|_| ()));
    Ok(())
}

fn collections() {
    let mut map: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, line) in fs::read_to_string("text").expect("an input").lines().enumerate() {
        for word in line.split_whitespace() {
            map.entry(word.trim_end_matches('.').to_lowercase()).or_default().push(index);
        }
    }
    let counts: BTreeMap<_, _> = map.iter().map(|(word, lines)| (word, lines.len())).collect();
    println!("{:?}", counts.iter().take(4).collect::<Vec<_>>());
    let heap: BinaryHeap<_> = counts.values().copied().collect();
    println!("{:?}", heap.into_sorted_vec().last());
    let mut queue: VecDeque<u32> = (0..10).collect();
    queue.rotate_left(3);
    println!("{queue:?} {:?}", (1..50).filter(|n| (2..*n).all(|d| n % d != 0)).collect::<BTreeSet<u32>>());
    println!("{:?}", "a,b;c".split([',', ';']).map(str::to_uppercase).collect::<Vec<_>>().join("+"));
}

fn panics() {
    std::panic::set_hook(Box::new(|info| println!("hook: {info}")));
    let mut steps = Vec::new();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        steps.push(1);
        let inner = catch_unwind(|| panic!("inner {}", 1 + 1));
        steps.push(if inner.is_err() { 2 } else { 0 });
        std::panic::resume_unwind(Box::new(7));
    }));
    println!("{steps:?} {:?}", caught.unwrap_err().downcast_ref::<i32>());
    println!("{}", catch_unwind(|| "é".to_owned()[..1].len()).is_err());
    println!("{}", catch_unwind(|| std::cell::RefCell::new(1).try_borrow_mut().map(|_| ()).is_ok()).unwrap_or(false));
    println!("{}", catch_unwind(|| u8::try_from(env::args().count() as i32 + 299).unwrap()).is_err());
}

fn main() -> io::Result<()> {
    println!("{:?}", BufReader::new(io::stdin()).lines().map_while(Result::ok).collect::<Vec<_>>());
    commands()?;
    files()?;
    collections();
    panics();
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(20));
    println!("{}", start.elapsed() >= Duration::from_millis(20));
    println!("{:?} {:?}", env::args().nth(1), env::var("NOTHING").is_err());
    if env::args().count() == 2 {
        let error = Command::new(env::current_exe()?).args(["again", "last"]).exec();
        println!("not reached: {error}");
    }
    exit(6)
}
