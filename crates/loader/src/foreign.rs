//! What a file is that is no program for Linux: only for a better error message.

use std::fmt;

/// A guess at a file's kind from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// No bytes at all.
    Empty,
    /// Text, perhaps a script that lacks its `#!` line.
    Text,
    /// A Windows program.
    Windows,
    /// A macOS program.
    MacOs,
    /// A WebAssembly module.
    Wasm,
    /// A static library or another `ar` archive.
    Archive,
    /// A compressed file or archive.
    Compressed,
    /// Anything else.
    Unknown,
}

const MAGICS: [(&[u8], Foreign); 13] = [
    (b"MZ", Foreign::Windows),
    (b"\xcf\xfa\xed\xfe", Foreign::MacOs),
    (b"\xce\xfa\xed\xfe", Foreign::MacOs),
    (b"\xca\xfe\xba\xbe", Foreign::MacOs),
    (b"\0asm", Foreign::Wasm),
    (b"!<arch>\n", Foreign::Archive),
    (b"!<thin>\n", Foreign::Archive),
    (b"\x1f\x8b", Foreign::Compressed),
    (b"PK\x03\x04", Foreign::Compressed),
    (b"\xfd7zXZ\0", Foreign::Compressed),
    (b"\x28\xb5\x2f\xfd", Foreign::Compressed),
    (b"BZh", Foreign::Compressed),
    (b"7z\xbc\xaf\x27\x1c", Foreign::Compressed),
];

impl Foreign {
    /// The kind of a file that starts with `head`.
    pub(crate) fn recognise(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Empty;
        }
        let is_text = |b: &u8| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
        match MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
            Some((_, kind)) => *kind,
            None if head.iter().all(is_text) => Self::Text,
            None => Self::Unknown,
        }
    }

    /// What to do about it.
    pub(crate) const fn help(self) -> &'static str {
        match self {
            Self::Empty => "the file has no bytes; was it built or copied completely?",
            Self::Text => {
                "a script needs a first line such as `#!/bin/sh`; or run its interpreter with the script as argument"
            }
            Self::Windows | Self::MacOs => "pagewalk runs Linux programs; rebuild it for x86_64 Linux, static",
            Self::Wasm => {
                "pagewalk runs x86-64 Linux programs; use a WebAssembly runtime, or rebuild for x86_64 Linux, static"
            }
            Self::Archive => "an archive holds object files; link them into a static program",
            Self::Compressed => "unpack it first",
            Self::Unknown => "pagewalk runs static x86-64 Linux programs (ELF64)",
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the file is empty",
            Self::Text => "a text file without a #! line",
            Self::Windows => "a Windows program",
            Self::MacOs => "a macOS program",
            Self::Wasm => "a WebAssembly module",
            Self::Archive => "an archive of object files",
            Self::Compressed => "a compressed file",
            Self::Unknown => "of no known format",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_their_first_bytes() {
        let cases: [(&[u8], Foreign); 8] = [
            (b"", Foreign::Empty),
            (b"echo hello\n", Foreign::Text),
            (b"MZ\x90\0", Foreign::Windows),
            (b"\xcf\xfa\xed\xfe\x07", Foreign::MacOs),
            (b"\0asm\x01", Foreign::Wasm),
            (b"!<arch>\nfoo", Foreign::Archive),
            (b"\x1f\x8b\x08", Foreign::Compressed),
            (b"\x01\x02\x03", Foreign::Unknown),
        ];
        for (head, kind) in cases {
            assert_eq!(Foreign::recognise(head), kind, "{head:?}");
            assert!(!kind.help().is_empty());
        }
    }
}
