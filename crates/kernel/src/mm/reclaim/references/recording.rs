//! The file of `--record-references`, and how it is written.
//!
//! After a line of text that names the format come tokens of a byte. Its low three bits say which page is used; its high five bits are a
//! number `n`.
//!
//! | low bits | meaning |
//! |---|---|
//! | 1 to 7 | the page so many places down in the list of the pages used most recently, `n` + 1 times over, each time from the list as it then is |
//! | 0, `n` = 0 | the page with the number that follows; if that is the next new one, its name follows |
//! | 0, `n` = 1 | the page with the number that follows is gone |
//! | 0, `n` = 31 | the end |
//!
//! Numbers are in LEB128. A name is 0, the address space and the page number, or 1, the inode and the index. A loop that goes to
//! and fro between its code and its data is thus one byte for 32 references.

use super::{PageKey, ReferencesError};
use arch::SpaceId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The first bytes of the file.
pub(super) const MAGIC: &[u8] = b"pagewalk references 1\n";

/// Places of the list of recent pages: the first is the page that was used last, which is never used next.
pub(super) const RECENT: usize = 8;

/// The longest run of one token.
pub(super) const MAX_RUN: u8 = 32;

/// What stands in the high bits if the low ones are 0.
pub(super) const USE: u8 = 0;
/// A page is gone.
pub(super) const GONE: u8 = 1;
/// The end.
pub(super) const END: u8 = 31;

/// The first byte of a name.
pub(super) const LINEAR: u8 = 0;
/// The same, of a page of a file.
pub(super) const FILE: u8 = 1;

/// The pages used most recently, the latest first.
#[derive(Clone, Debug)]
pub(super) struct Recent<T> {
    pages: Vec<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { pages: Vec::with_capacity(RECENT + 1) }
    }
}

impl<T: Copy + PartialEq> Recent<T> {
    /// The place of a page.
    pub(super) fn place(&self, page: T) -> Option<usize> {
        self.pages.iter().position(|&recent| recent == page)
    }

    /// The page at a place becomes the first.
    pub(super) fn use_again(&mut self, place: usize) -> Option<T> {
        self.pages.get_mut(..=place)?.rotate_right(1);
        self.pages.first().copied()
    }

    /// A page becomes the first, wherever it was.
    pub(super) fn push(&mut self, page: T) {
        self.forget(page);
        self.pages.insert(0, page);
        self.pages.truncate(RECENT);
    }

    /// A page is no longer in the list; those behind it move up.
    pub(super) fn forget(&mut self, page: T) {
        self.pages.retain(|&recent| recent != page);
    }
}

/// A page as the recording knows it.
#[derive(Clone, Copy, Debug)]
struct Known {
    number: u64,
    /// It was used, and is not gone since.
    is_alive: bool,
}

/// A recording under way. An error of the host is kept, and reported at the end.
#[derive(Debug)]
pub(super) struct Recorder {
    path: PathBuf,
    out: BufWriter<File>,
    pages: BTreeMap<PageKey, Known>,
    recent: Recent<PageKey>,
    /// The token that may yet be longer: the place, and how often.
    run: (u8, u8),
    error: Option<io::Error>,
}

impl Recorder {
    /// A new file.
    pub(super) fn create(path: &Path) -> Result<Self, ReferencesError> {
        let fail = |source| ReferencesError::Write { path: path.to_owned(), source };
        let mut out = BufWriter::new(File::create(path).map_err(fail)?);
        out.write_all(MAGIC).map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            out,
            pages: BTreeMap::new(),
            recent: Recent::default(),
            run: (0, 0),
            error: None,
        })
    }

    /// A page is used, which is not the one before.
    pub(super) fn reference(&mut self, key: PageKey) {
        // The first place is free for another meaning: it is used next only where the page that was there is gone.
        let Some(place @ 1..) = self.recent.place(key).map(|place| place as u8) else { return self.name(key) };
        self.recent.use_again(place.into());
        let (run_place, times) = self.run;
        if run_place == place && times < MAX_RUN {
            self.run.1 += 1;
        } else {
            self.end_run();
            self.run = (place, 1);
        }
    }

    /// A page is used, and the token has its number.
    fn name(&mut self, key: PageKey) {
        self.end_run();
        self.recent.push(key);
        let next = self.pages.len() as u64;
        let page = self.pages.entry(key).or_insert(Known { number: next, is_alive: true });
        page.is_alive = true;
        let number = page.number;
        self.token(USE, number);
        if number == next {
            let (kind, numbers) = match key {
                PageKey::Linear { space, page } => (LINEAR, [space.0.into(), page]),
                PageKey::File { inode, index } => (FILE, [inode, index]),
            };
            self.write(&[kind]);
            numbers.into_iter().for_each(|number| self.number(number));
        }
    }

    /// Pages are gone: those that were used by these names.
    pub(super) fn unmapped(&mut self, space: SpaceId, pages: Range<u64>) {
        let key = |page| PageKey::Linear { space, page };
        if pages.is_empty() {
            return;
        }
        let known = self.pages.range_mut(key(pages.start)..key(pages.end));
        let gone: Vec<(PageKey, u64)> =
            known.filter_map(|(&key, page)| std::mem::take(&mut page.is_alive).then_some((key, page.number))).collect();
        for (key, number) in gone {
            self.end_run();
            self.token(GONE, number);
            // What is used there next is named, so that it is known to be alive.
            self.recent.forget(key);
        }
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<(), ReferencesError> {
        self.end_run();
        self.write(&[END << 3]);
        let flushed = self.out.flush();
        let outcome = self.error.map_or(flushed, Err);
        outcome.map_err(|source| ReferencesError::Write { path: self.path, source })
    }

    fn end_run(&mut self) {
        let (place, times) = std::mem::take(&mut self.run);
        if times > 0 {
            self.write(&[place | (times - 1) << 3]);
        }
    }

    fn token(&mut self, what: u8, number: u64) {
        self.write(&[what << 3]);
        self.number(number);
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.write(&[number as u8 | 0x80]);
            number >>= 7;
        }
        self.write(&[number as u8]);
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.out.write_all(bytes).err();
        }
    }
}
