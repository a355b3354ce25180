//! Reads a recording, and knows at each position of it when a page is used next.
//!
//! The recording is read twice: at the start for an index of the uses of each page, and then alongside the run, to know
//! where in the recording the run is.
//!
//! While a run goes to and fro between two pages, the index keeps only the first and the last use of each. That makes no difference to
//! what is optimal with two frames or more: neither of the two pages is ever the one whose next use is farthest off
//! (Kaplan, Smaragdakis and Wilson, "Trace reduction for virtual memory simulations").

use super::recording::{END, FILE, GONE, LINEAR, MAGIC, Recent, USE};
use super::{Divergence, PageKey, RefTime, ReferencesError};
use arch::SpaceId;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// As far is looked ahead for a reference that is not the next one.
const LOOK_AHEAD: usize = 256;

/// What a recording tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The page with this number is used.
    Use(usize),
    /// It is gone.
    Gone(usize),
}

/// The tokens of a file, one after the other.
#[derive(Debug)]
struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    /// The names of the pages that were met, by number.
    names: Vec<PageKey>,
    recent: Recent<usize>,
    /// The place of the token that was read last, and how often it still counts.
    run: (usize, u8),
    ended: bool,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, ReferencesError> {
        let read = |source| ReferencesError::Read { path: path.to_owned(), source };
        let mut input = BufReader::new(File::open(path).map_err(read)?);
        let mut magic = Vec::new();
        (&mut input).take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(read)?;
        let recent = Recent::default();
        let reader = Self { path: path.to_owned(), input, names: Vec::new(), recent, run: (0, 0), ended: false };
        if magic == MAGIC { Ok(reader) } else { Err(reader.damaged("it does not begin as one")) }
    }

    fn damaged(&self, what: &'static str) -> ReferencesError {
        ReferencesError::Format { path: self.path.clone(), what }
    }

    /// The next event; `None` at the end.
    fn next(&mut self) -> Result<Option<Event>, ReferencesError> {
        if self.ended {
            return Ok(None);
        }
        if self.run.1 == 0 {
            let token = self.byte()?;
            let (place, high) = (token & 7, token >> 3);
            if place == 0 {
                return self.special(high);
            }
            self.run = (place.into(), high + 1);
        }
        self.run.1 -= 1;
        let page = self.recent.use_again(self.run.0).ok_or_else(|| self.damaged("it repeats what is not there"))?;
        Ok(Some(Event::Use(page)))
    }

    fn special(&mut self, what: u8) -> Result<Option<Event>, ReferencesError> {
        if what == END {
            self.ended = true;
            return Ok(None);
        }
        let number = self.number()?;
        if what == USE && number == self.names.len() as u64 {
            let name = self.name()?;
            self.names.push(name);
        }
        if number >= self.names.len() as u64 {
            return Err(self.damaged("it has a number without a name"));
        }
        let page = number as usize;
        match what {
            USE => {
                self.recent.push(page);
                Ok(Some(Event::Use(page)))
            }
            GONE => {
                self.recent.forget(page);
                Ok(Some(Event::Gone(page)))
            }
            _ => Err(self.damaged("it has an unknown token")),
        }
    }

    fn name(&mut self) -> Result<PageKey, ReferencesError> {
        let kind = self.byte()?;
        let (first, second) = (self.number()?, self.number()?);
        match kind {
            LINEAR => {
                let space = u32::try_from(first).map_err(|_| self.damaged("it has a number out of range"))?;
                Ok(PageKey::Linear { space: SpaceId(space), page: second })
            }
            FILE => Ok(PageKey::File { inode: first, index: second }),
            _ => Err(self.damaged("it has an unknown kind of name")),
        }
    }

    fn number(&mut self) -> Result<u64, ReferencesError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged("it has a number out of range"))
    }

    fn byte(&mut self) -> Result<u8, ReferencesError> {
        let buffer = self.input.fill_buf();
        let first = buffer.map(|bytes| bytes.first().copied());
        match first {
            Ok(Some(byte)) => {
                self.input.consume(1);
                Ok(byte)
            }
            Ok(None) => Err(self.damaged("it breaks off; the run that made it was cut short")),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => self.byte(),
            Err(source) => Err(ReferencesError::Read { path: self.path.clone(), source }),
        }
    }
}

/// When something happens to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Used, by the reference at this position.
    Use(u64),
    /// Gone, before the reference at this position.
    Gone(u64),
}

impl Moment {
    const fn position(self) -> u64 {
        match self {
            Self::Use(position) | Self::Gone(position) => position,
        }
    }
}

/// Builds what is kept of each page.
#[derive(Debug, Default)]
struct Index {
    moments: Vec<Vec<Moment>>,
    /// The position of the next reference.
    position: u64,
    /// The last two pages, and where the run began that used no others.
    pair: [Option<usize>; 2],
    run_start: u64,
}

impl Index {
    fn add(&mut self, event: Event) {
        let (Event::Use(page) | Event::Gone(page)) = event;
        if page == self.moments.len() {
            self.moments.push(Vec::new());
        }
        if event == Event::Gone(page) {
            self.moments[page].push(Moment::Gone(self.position));
            return;
        }
        let [before, last] = self.pair;
        if Some(page) != before && Some(page) != last {
            // The page before the new one belongs to the new run.
            self.run_start = self.position.saturating_sub(1);
        }
        self.pair = [last, Some(page)];
        let moments = &mut self.moments[page];
        let use_now = Moment::Use(self.position);
        match moments.as_mut_slice() {
            [.., Moment::Use(first), Moment::Use(latest)] if *first >= self.run_start => *latest = self.position,
            _ => moments.push(use_now),
        }
        self.position += 1;
    }
}

/// The references to come.
#[derive(Debug)]
pub(super) struct Future {
    numbers: BTreeMap<PageKey, usize>,
    moments: Vec<Vec<Moment>>,
    reader: Reader,
    /// Pages that were read ahead.
    ahead: VecDeque<usize>,
    position: u64,
    divergence: Option<Divergence>,
    error: Option<ReferencesError>,
}

impl Future {
    /// Reads a recording.
    pub(super) fn open(path: &Path) -> Result<Self, ReferencesError> {
        let mut reader = Reader::open(path)?;
        let mut index = Index::default();
        while let Some(event) = reader.next()? {
            index.add(event);
        }
        let numbers = reader.names.iter().enumerate().map(|(number, &key)| (key, number)).collect();
        Ok(Self {
            numbers,
            moments: index.moments,
            reader: Reader::open(path)?,
            ahead: VecDeque::new(),
            position: 0,
            divergence: None,
            error: None,
        })
    }

    /// How many references of the recording were made.
    pub(super) const fn now(&self) -> RefTime {
        RefTime(self.position)
    }

    /// The run makes a reference. If it is not the next of the recording, it may be one of those that follow.
    pub(super) fn advance(&mut self, key: PageKey) {
        let page = self.numbers.get(&key).copied();
        self.read_ahead(1);
        if page.is_some() && self.ahead.front().copied() == page {
            self.ahead.pop_front();
            self.position += 1;
            return;
        }
        let at = self.position;
        let divergence = self.divergence.get_or_insert(Divergence { at, unknown: 0 });
        divergence.unknown += 1;
        self.read_ahead(LOOK_AHEAD);
        if let Some(skipped) = page.and_then(|page| self.ahead.iter().position(|&next| next == page)) {
            self.ahead.drain(..=skipped);
            self.position += skipped as u64 + 1;
            self.divergence.iter_mut().for_each(|divergence| divergence.unknown -= 1);
        }
    }

    fn read_ahead(&mut self, count: usize) {
        while self.ahead.len() < count && self.error.is_none() {
            match self.reader.next() {
                Ok(Some(Event::Use(page))) => self.ahead.push_back(page),
                Ok(Some(Event::Gone(_))) => {}
                Ok(None) => return,
                Err(error) => self.error = Some(error),
            }
        }
    }

    /// The next position at which a page is used by this name, unless what is there now is gone before.
    pub(super) fn next_use(&self, key: PageKey) -> Option<RefTime> {
        let moments = &self.moments[*self.numbers.get(&key)?];
        let ahead = &moments[moments.partition_point(|moment| moment.position() < self.position)..];
        // What is gone before the very next reference was gone before.
        match ahead.iter().find(|moment| **moment != Moment::Gone(self.position))? {
            Moment::Use(position) => Some(RefTime(*position)),
            Moment::Gone(_) => None,
        }
    }

    /// Whether the run was the recorded one so far.
    pub(super) fn finish(self) -> Result<Option<Divergence>, ReferencesError> {
        self.error.map_or(Ok(self.divergence), Err)
    }
}
