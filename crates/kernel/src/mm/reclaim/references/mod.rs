//! The reference clock: every use of a page, in order, by the program and by the kernel layer on its behalf.
//!
//! A model of the hardware reports the program's loads, stores and fetches; the kernel layer reports the pages that it copies from and to, and
//! the pages of files that read() and write() use. References to one page that follow one another are one. So
//! `lru-exact` learns when each frame was used last, and a run can be recorded, for `opt` to know what will be used.
//!
//! A page has a name that does not depend on frames, so that runs under different policies have the same string of
//! references. One thing would make a difference: an instruction that faults is made again, and what it had used before the fault is used
//! twice. `restart` takes that out.

mod playback;
mod recording;
mod restart;

#[cfg(test)]
mod tests;

use super::policy::RefTime;
use super::side_array::SideArray;
use arch::{AccessKind, LinearAddr, Pfn, SpaceId};
use playback::Future;
use recording::Recorder;
use restart::Restarts;
use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use thiserror::Error;

/// The name of a page, by which it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageKey {
    /// A page of an address space, whatever is mapped there.
    Linear {
        /// The address space.
        space: SpaceId,
        /// The linear address without its low 12 bits.
        page: u64,
    },
    /// A page of a file, used by read() or write().
    File {
        /// The inode number.
        inode: u64,
        /// Which page of the file, from 0.
        index: u64,
    },
}

impl PageKey {
    /// The page at a linear address.
    #[must_use]
    pub const fn linear(space: SpaceId, la: LinearAddr) -> Self {
        Self::Linear { space, page: la.page_number() }
    }
}

/// Why references cannot be recorded or read.
#[derive(Debug, Error)]
pub enum ReferencesError {
    /// The recording could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// The recording could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// The file is something else, or is damaged.
    #[error("`{}` is no recording of references: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Where a run left the references that it was to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The first reference that differs, from 0.
    pub at: u64,
    /// How many references were not found in the recording, there or shortly after.
    pub unknown: u64,
}

/// The clock, what it knows of frames, and the recordings.
#[derive(Debug, Default)]
struct References {
    /// References so far.
    now: RefTime,
    /// The page that was used last.
    last: Option<PageKey>,
    /// When each frame was used last, or got the page that it holds.
    last_use: SideArray<RefTime>,
    /// The address space that the program runs in.
    space: SpaceId,
    restarts: Restarts,
    recorder: Option<Recorder>,
    future: Option<Future>,
}

impl References {
    /// Lets references through to the recordings, if there are any.
    fn filter(&mut self, what: impl FnOnce(&mut Restarts, &mut dyn FnMut(PageKey))) {
        let (recorder, future) = (&mut self.recorder, &mut self.future);
        if recorder.is_some() || future.is_some() {
            what(&mut self.restarts, &mut |key| {
                recorder.iter_mut().for_each(|recorder| recorder.reference(key));
                future.iter_mut().for_each(|future| future.advance(key));
            });
        }
    }

    /// A use of a page; `kind` if it is an access of the program.
    fn touch(&mut self, key: PageKey, frame: Pfn, kind: Option<AccessKind>) {
        if self.last != Some(key) {
            self.last = Some(key);
            self.now.0 += 1;
        }
        self.filter(|restarts, pass| restarts.reference(key, kind, pass));
        // The same page may be in another frame now.
        *self.last_use.get_mut(frame) = self.now;
    }
}

/// A handle of the reference clock. Clones are the same clock: the model of the hardware has one, the kernel layer another.
#[derive(Clone, Debug, Default)]
pub struct SharedReferences(Rc<RefCell<References>>);

impl SharedReferences {
    /// A clock that records nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records all references from now on in a new file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn record(&self, path: &Path) -> Result<(), ReferencesError> {
        self.0.borrow_mut().recorder = Some(Recorder::create(path)?);
        Ok(())
    }

    /// Reads a recording of the run that is to begin.
    ///
    /// # Errors
    /// The file cannot be read, or is no complete recording.
    pub fn follow(&self, path: &Path) -> Result<(), ReferencesError> {
        self.0.borrow_mut().future = Some(Future::open(path)?);
        Ok(())
    }

    /// Ends a recording, and tells whether the run was the one that was followed.
    ///
    /// # Errors
    /// The recording could not be written, or the one that was followed could not be read to the end.
    pub fn finish(&self) -> Result<Option<Divergence>, ReferencesError> {
        let mut references = self.0.borrow_mut();
        references.filter(|restarts, pass| restarts.let_go(pass));
        if let Some(recorder) = references.recorder.take() {
            recorder.finish()?;
        }
        references.future.take().map_or(Ok(None), Future::finish)
    }

    /// The program runs in this address space from now on.
    pub fn enter_space(&self, space: SpaceId) {
        let mut references = self.0.borrow_mut();
        if references.space != space {
            references.space = space;
            references.filter(|restarts, pass| restarts.let_go(pass));
        }
    }

    /// The program accesses the page at `la`, which is in `frame`.
    pub fn access(&self, la: LinearAddr, frame: Pfn, kind: AccessKind) {
        let mut references = self.0.borrow_mut();
        let key = PageKey::linear(references.space, la);
        references.touch(key, frame, Some(kind));
    }

    /// An access of the program to `la` faulted: unless a signal comes of it, the instruction is made again.
    pub fn fault(&self, la: LinearAddr, kind: AccessKind) {
        let mut references = self.0.borrow_mut();
        let key = PageKey::linear(references.space, la);
        references.restarts.fault(key, kind);
    }

    /// A page is used, which is in `frame`: for the kernel layer, after it has copied from or to it.
    pub fn touch(&self, key: PageKey, frame: Pfn) {
        self.0.borrow_mut().touch(key, frame, None);
    }

    /// A frame has got another page. Until that is used, it counts as used now.
    pub fn arrived(&self, frame: Pfn) {
        let mut references = self.0.borrow_mut();
        let now = references.now;
        *references.last_use.get_mut(frame) = now;
    }

    /// What was at these pages (linear addresses without their low 12 bits) is gone for good, in RAM or swapped out: munmap(), a smaller heap,
    /// `MADV_DONTNEED`, exit. What is used there later is another page.
    pub fn unmapped(&self, space: SpaceId, pages: Range<u64>) {
        if let Some(recorder) = &mut self.0.borrow_mut().recorder {
            recorder.unmapped(space, pages);
        }
    }

    /// The present: a position in the recording that is followed, or else the number of references so far.
    #[must_use]
    pub fn now(&self) -> RefTime {
        let references = self.0.borrow();
        references.future.as_ref().map_or(references.now, Future::now)
    }

    /// When a frame was used last, or [`Self::arrived`], in references of this run.
    #[must_use]
    pub fn last_use(&self, frame: Pfn) -> RefTime {
        self.0.borrow().last_use.get(frame)
    }

    /// The next position in the recording that is followed at which the page is used by any of its names. `None`: never,
    /// or nothing is followed.
    #[must_use]
    pub fn next_use(&self, keys: impl IntoIterator<Item = PageKey>) -> Option<RefTime> {
        let references = self.0.borrow();
        let future = references.future.as_ref()?;
        keys.into_iter().filter_map(|key| future.next_use(key)).min()
    }
}
