//! A second statement of sections J, K and L, in lists: every translation and every table that a walk has found, and that was
//! not invalidated since, may be used. It says what an access may give, never what it must.
//!
//! Written from the rules for 4-level paging; shares nothing with the crate. All is plain numbers.

const P: u64 = 1;
const RW: u64 = 2;
const US: u64 = 4;
const A: u64 = 0x20;
const D: u64 = 0x40;
const PS: u64 = 0x80;
const G: u64 = 0x100;
const XD: u64 = 1 << 63;
/// The frame in an entry, with MAXPHYADDR 46, and what that reserves.
const FRAME: u64 = 0x3fff_ffff_f000;
const TOO_WIDE: u64 = 0x000f_c000_0000_0000;

/// The control state that matters here; NXE and PGE are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) wp: bool,
    pub(crate) smep: bool,
    pub(crate) smap: bool,
    pub(crate) pcid: u16,
    pub(crate) root: u64,
    pub(crate) accessed_on_fault: bool,
    pub(crate) spurious: bool,
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Read,
    Write,
    Fetch,
}

/// An access by the user or an explicit one by the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) la: u64,
    pub(crate) user: bool,
    pub(crate) what: What,
}

/// R/W, U/S and XD of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) writable: bool,
    pub(crate) user: bool,
    pub(crate) no_execute: bool,
}

/// The 4 KiB frame at the address, and what the page allows; or the error code.
pub(crate) type Answer = Result<(u64, Rights), u32>;

/// An answer that an access may give.
#[derive(Clone, Debug)]
pub(crate) struct Possible {
    pub(crate) answer: Answer,
    walk: Option<Walked>,
}

/// What a walk would find and do.
#[derive(Clone, Debug)]
struct Walked {
    /// Address of each entry it reads, with A and D that it would set, from the first table down.
    sets: Vec<(u64, u64)>,
    found: Vec<Table>,
    leaf: Option<Held>,
}

/// A translation: bytes `from..from + bytes` of a context.
#[derive(Clone, Copy, Debug)]
struct Held {
    pcid: u16,
    global: bool,
    from: u64,
    bytes: u64,
    target: u64,
    rights: Rights,
    dirty: bool,
    leaf_at: u64,
}

/// A table that leads to `from..from + bytes` of a context; `level` is 3 for a page-directory-pointer table, 1 for a page table.
#[derive(Clone, Copy, Debug)]
struct Table {
    pcid: u16,
    level: u32,
    from: u64,
    bytes: u64,
    at: u64,
    rights: Rights,
}

/// All that may still be in some cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naive {
    held: Vec<Held>,
    tables: Vec<Table>,
}

const fn shift(level: u32) -> u32 {
    12 + 9 * (level - 1)
}

fn has_reserved(level: u32, entry: u64) -> bool {
    entry & TOO_WIDE != 0
        || level == 4 && entry & PS != 0
        || level == 3 && entry & PS != 0 && entry & 0x3fff_e000 != 0
        || level == 2 && entry & PS != 0 && entry & 0x001f_e000 != 0
}

fn permits(cpu: Cpu, rights: Rights, ask: Ask) -> bool {
    match (ask.user, ask.what) {
        (true, What::Read) => rights.user,
        (true, What::Write) => rights.user && rights.writable,
        (true, What::Fetch) => rights.user && !rights.no_execute,
        (false, What::Read) => !(cpu.smap && rights.user),
        (false, What::Write) => !(cpu.smap && rights.user) && (rights.writable || !cpu.wp),
        (false, What::Fetch) => !(rights.no_execute || cpu.smep && rights.user),
    }
}

fn code(ask: Ask, cause: u32) -> u32 {
    let write = if ask.what == What::Write { 2 } else { 0 };
    let fetch = if ask.what == What::Fetch { 16 } else { 0 };
    cause | write | fetch | if ask.user { 4 } else { 0 }
}

/// One walk for an access, from a table on.
fn walk(cpu: Cpu, read: &dyn Fn(u64) -> u64, ask: Ask, start: Table) -> Possible {
    let mut walked = Walked { sets: Vec::new(), found: Vec::new(), leaf: None };
    let Table { mut level, mut at, mut rights, .. } = start;
    let fault = |mut walked: Walked, cause: u32| {
        if !cpu.accessed_on_fault {
            walked.sets.clear();
        }
        Possible { answer: Err(code(ask, cause)), walk: Some(walked) }
    };
    loop {
        let place = at + (ask.la >> shift(level)) % 512 * 8;
        let entry = read(place);
        if entry & P == 0 {
            return fault(walked, 0);
        }
        if has_reserved(level, entry) {
            return fault(walked, 9);
        }
        rights.writable &= entry & RW != 0;
        rights.user &= entry & US != 0;
        rights.no_execute |= entry & XD != 0;
        let bytes = 1 << shift(level);
        let from = ask.la / bytes * bytes;
        if level > 1 && entry & PS == 0 {
            walked.sets.push((place, A));
            at = entry & FRAME;
            level -= 1;
            walked.found.push(Table { pcid: cpu.pcid, level, from, bytes, at, rights });
            continue;
        }
        if !permits(cpu, rights, ask) {
            return fault(walked, 1);
        }
        let write = ask.what == What::Write;
        walked.sets.push((place, if write { A | D } else { A }));
        let target = (entry & FRAME) / bytes * bytes;
        let (global, dirty) = (entry & G != 0, false);
        walked.leaf = Some(Held { pcid: cpu.pcid, global, from, bytes, target, rights, dirty, leaf_at: place });
        return Possible { answer: Ok((target + (ask.la - from) / 4096 * 4096, rights)), walk: Some(walked) };
    }
}

fn root(cpu: Cpu) -> Table {
    let rights = Rights { writable: true, user: true, no_execute: false };
    Table { pcid: cpu.pcid, level: 4, from: 0, bytes: 0, at: cpu.root, rights }
}

/// What a processor without any cache would answer, and the bits that it would set.
pub(crate) fn plain(cpu: Cpu, read: &dyn Fn(u64) -> u64, ask: Ask) -> (Answer, Vec<(u64, u64)>) {
    let Possible { answer, walk } = walk(cpu, read, ask, root(cpu));
    (answer, walk.map(|w| w.sets).unwrap_or_default())
}

const fn around(from: u64, bytes: u64, la: u64) -> bool {
    from <= la && la - from < bytes
}

impl Naive {
    /// Every answer that the access may give, whatever is cached.
    pub(crate) fn possible(&self, cpu: Cpu, read: &dyn Fn(u64) -> u64, ask: Ask) -> Vec<Possible> {
        let mut all = vec![walk(cpu, read, ask, root(cpu))];
        for table in self.tables.iter().filter(|t| t.pcid == cpu.pcid && around(t.from, t.bytes, ask.la)) {
            let possible = walk(cpu, read, ask, *table);
            if cpu.spurious || possible.answer.is_ok() {
                all.push(possible);
            }
        }
        for held in self.held.iter().filter(|h| h.serves(cpu.pcid, ask.la)) {
            if !permits(cpu, held.rights, ask) {
                if cpu.spurious {
                    all.push(Possible { answer: Err(code(ask, 1)), walk: None });
                }
            } else if held.dirty || ask.what != What::Write {
                let frame = held.target + (ask.la - held.from) / 4096 * 4096;
                all.push(Possible { answer: Ok((frame, held.rights)), walk: None });
            }
        }
        all
    }

    /// The bits that the access may set in memory: a walk that faults behind a cached table sets A too.
    pub(crate) fn may_set(&self, cpu: Cpu, read: &dyn Fn(u64) -> u64, ask: Ask) -> Vec<(u64, u64)> {
        let tables = self.tables.iter().filter(|t| t.pcid == cpu.pcid && around(t.from, t.bytes, ask.la)).copied();
        let walks = tables.chain([root(cpu)]).map(|start| walk(cpu, read, ask, start));
        walks.filter_map(|p| p.walk).flat_map(|w| w.sets).collect()
    }

    /// Takes what an access has answered; `read` gives memory after it. False if it might not have answered so.
    pub(crate) fn answered(
        &mut self,
        cpu: Cpu,
        read: &dyn Fn(u64) -> u64,
        ask: Ask,
        possible: Vec<Possible>,
        is_answer: impl Fn(&Answer) -> bool,
    ) -> bool {
        let set = |w: &Walked| w.sets.iter().all(|&(place, bits)| read(place) & bits == bits);
        let fitting: Vec<Possible> =
            possible.into_iter().filter(|p| is_answer(&p.answer) && p.walk.as_ref().is_none_or(set)).collect();
        for walked in fitting.iter().filter(|p| p.answer.is_ok()).filter_map(|p| p.walk.clone()) {
            self.tables.extend(walked.found);
            self.held.extend(walked.leaf.map(|leaf| Held { dirty: read(leaf.leaf_at) & D != 0, ..leaf }));
        }
        if fitting.iter().any(|p| p.answer.is_err()) {
            self.fault(cpu.pcid, ask.la);
        }
        !fitting.is_empty()
    }

    /// A fault at `la` (MMU-204).
    fn fault(&mut self, pcid: u16, la: u64) {
        self.held.retain(|h| !h.serves(pcid, la));
        self.tables.retain(|t| !(t.pcid == pcid && around(t.from, t.bytes, la)));
    }

    /// INVLPG (MMU-202).
    pub(crate) fn invlpg(&mut self, pcid: u16, la: u64) {
        self.held.retain(|h| !h.serves(pcid, la));
        self.tables.retain(|t| t.pcid != pcid);
    }

    /// INVPCID type 0 (MMU-212).
    pub(crate) fn invpcid_address(&mut self, pcid: u16, la: u64) {
        self.held.retain(|h| h.global || h.pcid != pcid || !around(h.from, h.bytes, la));
        self.tables.retain(|t| t.pcid != pcid);
    }

    /// MOV to CR3, INVPCID type 1 (MMU-207, MMU-208, MMU-212).
    pub(crate) fn context(&mut self, pcid: u16) {
        self.held.retain(|h| h.global || h.pcid != pcid);
        self.tables.retain(|t| t.pcid != pcid);
    }

    /// A CR4 write that sets SMEP (MMU-209).
    pub(crate) fn context_and_global(&mut self, pcid: u16) {
        self.held.retain(|h| !h.global && h.pcid != pcid);
        self.tables.retain(|t| t.pcid != pcid);
    }

    /// INVPCID type 3 (MMU-212).
    pub(crate) fn all_but_global(&mut self) {
        self.held.retain(|h| h.global);
        self.tables.clear();
    }

    /// INVPCID type 2, a change of CR4.PGE (MMU-209, MMU-212).
    pub(crate) fn everything(&mut self) {
        *self = Self::default();
    }
}

impl Held {
    fn serves(&self, pcid: u16, la: u64) -> bool {
        (self.global || self.pcid == pcid) && around(self.from, self.bytes, la)
    }
}
