//! The data caches in lists: who had a line, what each level holds, and what memory took back, are equal after every access.

use crate::array::Array;
use crate::random::SplitMix;
use crate::{COMPARE_EVERY, event_count, shapes};
use arch::PhysAddr;
use pagewalk_timing::config::{CacheConfig, HardwareFile, MemoryConfig, PRESETS};
use pagewalk_timing::{Caches, Cycles, Port, Supplier, Use};
use paging::tlb::Replacement;

/// A line by number, and whether it was written to.
type Line = (u64, bool);

/// The levels from the core to memory: for instructions, for data, the second and the last.
struct Lists {
    levels: [Option<Array<Line>>; 4],
    latency: [Cycles; 4],
    dram: Cycles,
    taken_back: u64,
}

const SECOND: usize = 2;
const MEMORY: usize = 4;

impl Lists {
    fn new(config: &MemoryConfig) -> Self {
        let all = [config.l1i, config.l1d, config.l2, config.llc];
        Self {
            levels: all.map(|cache| cache.map(|cache| Array::new(cache.geometry))),
            latency: all.map(|cache| cache.map_or(Cycles(0), |cache| cache.latency)),
            dram: config.dram,
            taken_back: 0,
        }
    }

    /// The nearest level that has the line supplies it; all nearer ones get it, the farthest first.
    fn access(&mut self, port: Port, number: u64, write: bool) -> (usize, Cycles) {
        let first = if port == Port::Fetch { 0 } else { 1 };
        let way = [first, SECOND, 3];
        let same = |line: &Line| line.0 == number;
        let place =
            way.iter().position(|&level| self.levels[level].as_mut().is_some_and(|l| l.hit(number, same).is_some()));
        for &level in way[..place.unwrap_or(way.len())].iter().rev() {
            self.put(level, (number, write && level == first));
        }
        if let (Some(0), true, Some(lines)) = (place, write, &mut self.levels[first]) {
            lines.change(number, same, |line| line.1 = true);
        }
        place.map_or((3, self.dram), |place| (place, self.latency[way[place]]))
    }

    /// A line comes into a level; a dirty one that has to go for it comes into the next.
    fn put(&mut self, level: usize, line: Line) {
        let next = if level < SECOND { SECOND } else { level + 1 };
        if level == MEMORY {
            self.taken_back += 1;
            return;
        }
        let leaving = match &mut self.levels[level] {
            None => Some(line),
            Some(lines) => {
                let same = |held: &Line| held.0 == line.0;
                let was_dirty = lines.peek(line.0, same).is_some_and(|held| held.1);
                lines.put(line.0, (line.0, line.1 || was_dirty), same).filter(|held| held.0 != line.0)
            }
        };
        if let Some(leaving) = leaving.filter(|line| line.1) {
            self.put(next, leaving);
        }
    }

    fn held(&self, level: usize) -> Vec<Line> {
        self.levels[level].iter().flat_map(Array::entries).copied().collect()
    }
}

/// Accesses to a few lines often, to many now and then; gives how often each level supplied.
fn check(name: &str, config: &MemoryConfig, seed: u64, events: u64, compare_every: u64) -> [u64; 4] {
    let mut caches = Caches::new(config).expect("a possible shape");
    let mut lists = Lists::new(config);
    let mut random = SplitMix(seed);
    let lines =
        |cache: Option<CacheConfig>| cache.map_or(16, |cache| u64::from(cache.geometry.sets * cache.geometry.ways));
    let ranges = [lines(config.l1d) / 2, lines(config.l1d) * 2, lines(config.l2) * 2, lines(config.llc) * 2];
    let mut supplied = [0; 4];
    for event in 1..=events {
        let number = random.below((*random.clone().pick(&ranges)).max(1)) * if random.once_in(3) { 64 } else { 1 };
        let port = if random.once_in(4) { Port::Fetch } else { Port::Data };
        let write = port == Port::Data && random.once_in(3);
        let (level, cycles) = lists.access(port, number, write);
        let got = caches.access(port, PhysAddr(number << 6), if write { Use::Write } else { Use::Read });
        assert_eq!(got, (Supplier::ALL[level], cycles), "{name}, seed {seed:#x}, event {event}, line {number:#x}");
        assert_eq!(caches.written_back(), lists.taken_back, "{name}, seed {seed:#x}, event {event}");
        supplied[level] += 1;
        if event % compare_every == 0 || event == events {
            for (level, (supplier, port)) in LEVELS.into_iter().enumerate() {
                let held: Vec<_> = caches.held(supplier, port).collect();
                assert_eq!(held, lists.held(level), "{name}, seed {seed:#x}, event {event}: {supplier:?} {port:?}");
            }
        }
    }
    supplied
}

const LEVELS: [(Supplier, Port); 4] =
    [(Supplier::L1, Port::Fetch), (Supplier::L1, Port::Data), (Supplier::L2, Port::Data), (Supplier::Llc, Port::Data)];

fn replacing(mut config: MemoryConfig, policy: Replacement) -> MemoryConfig {
    let caches = [&mut config.l1i, &mut config.l1d, &mut config.l2, &mut config.llc];
    caches.into_iter().flatten().for_each(|cache| cache.geometry.replacement = policy);
    config
}

#[test]
fn data_caches_of_presets_with_each_policy() {
    for (i, preset) in PRESETS.iter().enumerate() {
        let config =
            HardwareFile::parse(preset.name, preset.text).and_then(|file| file.config()).expect("a preset").memory;
        for policy in shapes::POLICIES {
            let supplied = check(preset.name, &replacing(config, policy), i as u64, event_count(), 1_000_000);
            assert!(supplied[0] > 0 && supplied[1] > 0 && supplied[3] > 0, "{}: {supplied:?}", preset.name);
        }
    }
}

/// Caches so small that all of them overflow all the time, some of them not there.
#[test]
fn small_data_caches() {
    let mut all = [0; 4];
    for seed in 1..=100 {
        let mut random = SplitMix(seed);
        let mut cache = |most, latency| {
            let geometry = shapes::geometry(&mut random, most);
            (seed % 7 != latency).then_some(CacheConfig { geometry, latency: Cycles(latency), miss_registers: None })
        };
        let config =
            MemoryConfig { l1i: cache(1, 1), l1d: cache(2, 2), l2: cache(3, 3), llc: cache(4, 4), dram: Cycles(100) };
        let supplied = check(&format!("{config:?}"), &config, seed, event_count() / 4, COMPARE_EVERY / 10);
        (0..4).for_each(|level| all[level] += supplied[level]);
    }
    assert!(all.iter().all(|&count| count > 0), "{all:?}");
}
