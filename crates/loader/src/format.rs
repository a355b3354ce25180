//! The table of binary formats, tried in order on the first bytes of a file (Linux: `search_binary_handler`).

use crate::{Foreign, Layout, LoadError, LoadPlan, ReadAt, elf, read, script};

/// How many bytes of a file the formats are recognised by: Linux's `BINPRM_BUF_SIZE`.
pub(crate) const HEAD_BYTES: usize = 256;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// An ELF64 program for x86-64, static or dynamic.
    Elf(Box<LoadPlan>),
    /// A script with a `#!` line.
    Script {
        /// Path of the program that runs it.
        interpreter: Vec<u8>,
        /// The rest of the line, one argument as in Linux.
        argument: Option<Vec<u8>>,
    },
}

impl Image {
    /// The plan, if the image is an ELF program; it may ask for a dynamic loader.
    ///
    /// # Errors
    /// [`LoadError::Script`] with the interpreter that a script asks for.
    pub fn into_elf(self) -> Result<LoadPlan, LoadError> {
        match self {
            Self::Elf(plan) => Ok(*plan),
            Self::Script { interpreter, .. } => {
                Err(LoadError::Script { interpreter: String::from_utf8_lossy(&interpreter).into_owned() })
            }
        }
    }
}

/// One format: how its files start, and what makes an image of one.
struct BinaryFormat {
    magic: &'static [u8],
    load: fn(&mut dyn ReadAt, &[u8], &Layout) -> Result<Image, LoadError>,
}

const FORMATS: [BinaryFormat; 2] =
    [BinaryFormat { magic: b"\x7fELF", load: elf::load }, BinaryFormat { magic: b"#!", load: script::load }];

/// Recognises `file` and says how to load it. Reads its headers only.
///
/// # Errors
/// [`LoadError`] for a file that cannot be read, is of no known format, or could not run.
pub fn load(file: &mut dyn ReadAt, layout: &Layout) -> Result<Image, LoadError> {
    let head = read::read_up_to(file, 0, HEAD_BYTES)?;
    match FORMATS.iter().find(|format| head.starts_with(format.magic)) {
        Some(format) => (format.load)(file, &head, layout),
        None => Err(LoadError::NotAProgram(Foreign::recognise(&head))),
    }
}
