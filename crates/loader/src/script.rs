//! The `#!` line (Linux: `fs/binfmt_script.c`).
//!
//! Only the first 256 bytes count. The interpreter's path must be whole within them; its argument, the rest of the line
//! without outer blanks, may be cut off. A NUL ends either.

use crate::format::HEAD_BYTES;
use crate::{Image, Layout, LoadError, ReadAt};

/// Makes an image of a file that starts with `#!`. `head` holds its first bytes.
pub(crate) fn load(_file: &mut dyn ReadAt, head: &[u8], _layout: &Layout) -> Result<Image, LoadError> {
    let line = Line::of(head);
    let text = trim_start_blanks(line.text);
    let end = text.iter().position(|&b| is_blank(b)).unwrap_or(text.len());
    if end == 0 {
        return Err(LoadError::ScriptWithoutInterpreter);
    }
    if end == text.len() && line.end == LineEnd::CutOff {
        return Err(LoadError::ScriptInterpreterTooLong);
    }
    let argument = trim_start_blanks(&text[end..]);
    Ok(Image::Script { interpreter: text[..end].to_vec(), argument: (!argument.is_empty()).then(|| argument.to_vec()) })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    /// A newline, a NUL, the end of the file, or a blank as the last byte.
    Seen,
    /// The line is longer than what Linux looks at.
    CutOff,
}

struct Line<'a> {
    text: &'a [u8],
    end: LineEnd,
}

impl<'a> Line<'a> {
    fn of(head: &'a [u8]) -> Self {
        let body = &head[2..];
        match body.iter().position(|&b| b == b'\n' || b == 0) {
            // Linux trims blanks before a newline, not before a NUL.
            Some(at) if body[at] == b'\n' => Self { text: trim_end_blanks(&body[..at]), end: LineEnd::Seen },
            Some(at) => Self { text: &body[..at], end: LineEnd::Seen },
            None if head.len() < HEAD_BYTES => Self { text: body, end: LineEnd::Seen },
            // Linux puts a NUL over the last byte of its buffer; if that was a blank, it has ended the path.
            None => {
                let (last, text) = body.split_last().expect("the head is full");
                let end = if is_blank(*last) { LineEnd::Seen } else { LineEnd::CutOff };
                Self { text: trim_end_blanks(text), end }
            }
        }
    }
}

const fn is_blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

fn trim_end_blanks(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

fn trim_start_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&b| !is_blank(b)).unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(file: &[u8]) -> Result<(String, Option<String>), LoadError> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        match crate::load(&mut { file }, &Layout::default())? {
            Image::Script { interpreter, argument } => Ok((text(interpreter), argument.map(text))),
            Image::Elf(_) => panic!("not a script"),
        }
    }

    fn some(interpreter: &str, argument: Option<&str>) -> Result<(String, Option<String>), LoadError> {
        Ok((interpreter.to_owned(), argument.map(str::to_owned)))
    }

    #[test]
    fn interpreter_and_one_argument() {
        assert_eq!(parse(b"#!/bin/sh\nexit 1\n"), some("/bin/sh", None));
        assert_eq!(parse(b"#! \t/bin/sh \t\nexit 1\n"), some("/bin/sh", None));
        assert_eq!(parse(b"#!/usr/bin/env -S  awk -f \t\n"), some("/usr/bin/env", Some("-S  awk -f")));
        assert_eq!(parse(b"#!/bin/sh"), some("/bin/sh", None), "the file's end ends the line");
        assert_eq!(parse(b"#!/bin/sh -e\0 junk\n"), some("/bin/sh", Some("-e")), "a NUL ends the line");
        assert_eq!(
            parse(b"#!/bin/sh -e  "),
            some("/bin/sh", Some("-e  ")),
            "as Linux, which trims before a newline only"
        );
        assert_eq!(parse(b"#!/bin/sh\r\n"), some("/bin/sh\r", None), "a carriage return is part of the path");
    }

    #[test]
    fn no_interpreter() {
        for file in
            [&b"#!"[..], b"#!\n", b"#!  \t\n/bin/sh\n", b"#!\0/bin/sh\n", &[b"#!".as_slice(), &[b' '; 300]].concat()]
        {
            assert_eq!(parse(file), Err(LoadError::ScriptWithoutInterpreter), "{file:?}");
        }
    }

    /// The limits are those of Linux 6.18, tried natively.
    #[test]
    fn the_path_must_end_within_256_bytes() {
        let path = |n: usize| format!("/{}", "x".repeat(n - 1));
        let script = |n: usize, rest: &str| format!("#!{}{rest}\n", path(n)).into_bytes();
        assert_eq!(parse(&script(253, "")), some(&path(253), None));
        assert_eq!(parse(&script(254, "")), Err(LoadError::ScriptInterpreterTooLong));
        assert_eq!(parse(&script(253, " arg")), some(&path(253), None), "the argument is cut off");
        assert_eq!(parse(&script(254, " arg")), Err(LoadError::ScriptInterpreterTooLong));
        assert_eq!(parse(&script(250, " arg")), some(&path(250), Some("ar")), "the argument is cut off");
    }

    proptest! {
        #[test]
        fn any_line_gives_a_path_without_blanks_or_an_error(line in "[ \t/a\\x00\\n-]{0,300}") {
            let file = format!("#!{line}");
            if let Ok((interpreter, argument)) = parse(file.as_bytes()) {
                prop_assert!(!interpreter.is_empty() && !interpreter.contains([' ', '\t', '\n', '\0']));
                prop_assert!(argument.is_none_or(|a| !a.is_empty() && !a.starts_with([' ', '\t']) && !a.contains(['\n', '\0'])));
            }
        }
    }
}
