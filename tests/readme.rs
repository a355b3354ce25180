//! The README shows what pagewalk prints.

use std::process::Command;

const README: &str = include_str!("../README.md");
const COMMAND: &str = "    $ cargo run --release -- ";

/// Words, however lines are wrapped.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a command prints, on both streams.
fn printed(args: &str) -> String {
    let line = format!("{} {args} 2>&1", env!("CARGO_BIN_EXE_pagewalk"));
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1");
    words(&String::from_utf8_lossy(&command.output().expect("a shell").stdout))
}

/// `...` stands for anything.
#[test]
fn what_the_readme_shows_is_what_is_printed() {
    let mut shown = 0;
    for (at, _) in README.match_indices(COMMAND) {
        let (args, rest) = README[at + COMMAND.len()..].split_once('\n').expect("something is shown");
        let block = rest.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
        let block = words(&block.collect::<Vec<_>>().join("\n"));
        let parts: Vec<&str> = block.split("...").map(str::trim).collect();
        let printed = printed(args);
        let mut left = printed.as_str();
        for part in parts {
            let found = left.find(part);
            let found =
                found.unwrap_or_else(|| panic!("{args}: the README has\n{part}\nand this was printed\n{printed}"));
            left = &left[found + part.len()..];
        }
        shown += 1;
    }
    assert!(shown >= 3, "the README shows outputs");
}
