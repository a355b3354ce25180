//! A program whose reader is gone ends by SIGPIPE, as before `head`, and nothing is said about it.

use std::process::{Command, Stdio};

const SIGPIPE: i32 = 13;

#[test]
fn a_closed_pipe_ends_the_program_in_silence() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_pagewalk"))
        .args(["run", "elf-samples/regions"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .expect("pagewalk starts");
    assert_eq!(output.status.code(), Some(128 + SIGPIPE));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
