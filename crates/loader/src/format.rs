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
    /// The plan, if the image is a program that needs nobody else to run.
    ///
    /// # Errors
    /// [`LoadError::Dynamic`] or [`LoadError::Script`] with the interpreter that it asks for.
    pub fn into_static(self) -> Result<LoadPlan, LoadError> {
        match self {
            Self::Elf(plan) => match plan.interpreter {
                Some(interpreter) => Err(LoadError::Dynamic { interpreter: lossy(&interpreter) }),
                None => Ok(*plan),
            },
            Self::Script { interpreter, .. } => Err(LoadError::Script { interpreter: lossy(&interpreter) }),
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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
