//! From what a file says to a processor that can be: sets are whole and a power of two, no size is held twice.

use super::schema::{Array, Cache, Core, File, PagingStructure, Tlb, Units, Window};
use super::{CacheConfig, ClassLatencies, CoreConfig, HardwareConfig, MemoryConfig, TranslationCosts, WalkConfig};
use super::{PredictorConfig, UnitConfig, WindowConfig};
use crate::Cycles;
use paging::tlb::{ArrayConfig, Geometry, HierarchyConfig, SecondLevel, TableCacheConfig, TlbConfig};

/// Bytes of a cache line.
const LINE_BYTES: u32 = 64;

/// What cannot be, and the key that says so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Impossible {
    pub(super) key: String,
    pub(super) what: String,
}

impl Impossible {
    fn new(key: impl Into<String>, what: impl ToString) -> Self {
        Self { key: key.into(), what: what.to_string() }
    }
}

impl File {
    pub(super) fn check(self, name: &str) -> Result<HardwareConfig, Impossible> {
        if self.clock.mhz == 0 {
            return Err(Impossible::new("clock.mhz", "a clock that stands still"));
        }
        at_most("clock.mhz", self.clock.mhz)?;
        let cycles = |n: u32| Cycles(u64::from(n));
        let second = second_level(self.stlb, self.stlb_instruction, self.stlb_data)?;
        Ok(HardwareConfig {
            name: name.to_owned(),
            description: self.description,
            clock_mhz: self.clock.mhz,
            tlb: HierarchyConfig {
                instruction: tlb("itlb", &self.itlb)?,
                data: tlb("dtlb", &self.dtlb)?,
                store: self.dtlb_store.map(|store| tlb("dtlb-store", &store)).transpose()?,
                second,
                tables: tables(&self.paging_structure)?,
                spurious_faults: self.translation.spurious_faults.into(),
                prefetch: self.walk.prefetch.into(),
            },
            translation: TranslationCosts {
                second_level: cycles(self.translation.stlb_hit),
                page_crossing: cycles(self.translation.page_crossing),
                invalidation: cycles(self.translation.invalidation),
            },
            walk: WalkConfig {
                start: cycles(self.walk.start),
                table_look_up: cycles(self.walk.table_look_up),
                accessed_dirty_assist: cycles(self.walk.accessed_dirty_assist),
                walkers: at_least_one("walk.walkers", self.walk.walkers)?,
                queue: at_most("walk.queue", self.walk.queue)?,
            },
            memory: MemoryConfig {
                l1i: cache("l1i", self.l1i.as_ref())?,
                l1d: cache("l1d", self.l1d.as_ref())?,
                l2: cache("l2", self.l2.as_ref())?,
                llc: cache("llc", self.llc.as_ref())?,
                dram: Cycles::of(self.dram.ns.into(), self.clock.mhz),
            },
            core: core(&self.core),
            window: window(&self.window, &self.units)?,
            predictor: PredictorConfig {
                kind: self.predictor.kind.into(),
                entries: at_least_one("predictor.entries", self.predictor.entries)?,
            },
        })
    }
}

fn second_level(shared: Option<Tlb>, instruction: Option<Tlb>, data: Option<Tlb>) -> Result<SecondLevel, Impossible> {
    match (shared, instruction, data) {
        (None, None, None) => Ok(SecondLevel::Absent),
        (Some(shared), None, None) => Ok(SecondLevel::Shared(tlb("stlb", &shared)?)),
        (None, Some(instruction), Some(data)) => Ok(SecondLevel::Split {
            instruction: tlb("stlb-instruction", &instruction)?,
            data: tlb("stlb-data", &data)?,
        }),
        (Some(_), _, _) => Err(Impossible::new("stlb", "a second level is shared or split, not both")),
        (None, Some(_), None) => Err(Impossible::new("stlb-instruction", "`stlb-data` has to be there too")),
        (None, None, Some(_)) => Err(Impossible::new("stlb-data", "`stlb-instruction` has to be there too")),
    }
}

fn tlb(key: &str, tlb: &Tlb) -> Result<TlbConfig, Impossible> {
    let mut arrays = Vec::new();
    for (sizes, array) in &tlb.arrays {
        arrays.push(ArrayConfig {
            geometry: geometry(&format!("{key}.{}", sizes.name()), array)?,
            sizes: sizes.0.clone(),
        });
    }
    let config = TlbConfig { arrays, splinter: tlb.splinter.into() };
    config.check().map_err(|e| Impossible::new(key, e))?;
    Ok(config)
}

fn tables(of: &PagingStructure) -> Result<TableCacheConfig, Impossible> {
    let one = |name: &str, array: &Option<Array>| {
        array.as_ref().map(|array| geometry(&format!("paging-structure.{name}"), array)).transpose()
    };
    Ok(TableCacheConfig {
        pml5e: one("pml5e", &of.pml5e)?,
        pml4e: one("pml4e", &of.pml4e)?,
        pdpte: one("pdpte", &of.pdpte)?,
        pde: one("pde", &of.pde)?,
    })
}

fn geometry(key: &str, array: &Array) -> Result<Geometry, Impossible> {
    let geometry = shape(key, array.entries, array.ways, "entries")?
        .indexed(array.index.into())
        .replacing(array.replacement.seeded(array.seed));
    geometry.check().map_err(|e| Impossible::new(key, e))?;
    Ok(geometry)
}

fn cache(key: &str, cache: Option<&Cache>) -> Result<Option<CacheConfig>, Impossible> {
    let Some(cache) = cache else { return Ok(None) };
    let lines = cache.kib.checked_mul(1024 / LINE_BYTES).ok_or_else(|| Impossible::new(key, "too large"))?;
    let geometry = shape(key, lines, cache.ways, "lines")?
        .indexed(cache.index.into())
        .replacing(cache.replacement.seeded(cache.seed));
    geometry.check().map_err(|e| Impossible::new(key, e))?;
    let registers = cache.miss_registers.map(|count| at_least_one(&format!("{key}.miss-registers"), count));
    Ok(Some(CacheConfig {
        geometry,
        latency: Cycles(u64::from(cache.latency)),
        miss_registers: registers.transpose()?,
    }))
}

/// Sets of `ways` that hold so many in all.
fn shape(key: &str, all: u32, ways: u32, of: &str) -> Result<Geometry, Impossible> {
    if ways == 0 || all == 0 || !all.is_multiple_of(ways) {
        return Err(Impossible::new(key, format!("{all} {of} do not make whole sets of {ways} ways")));
    }
    let sets = all / ways;
    if !sets.is_power_of_two() {
        return Err(Impossible::new(
            key,
            format!("{all} {of} in {ways} ways are {sets} sets, which is no power of two"),
        ));
    }
    Ok(Geometry::new(sets, ways))
}

fn core(core: &Core) -> CoreConfig {
    let cycles = |n: u32| Cycles(u64::from(n));
    CoreConfig {
        latency: ClassLatencies {
            alu: cycles(core.alu),
            mov: cycles(core.mov),
            mul: cycles(core.mul),
            div: cycles(core.div),
            branch: cycles(core.branch),
            string: cycles(core.string),
            vector: cycles(core.vector),
            x87: cycles(core.x87),
            system: cycles(core.system),
        },
        exception: cycles(core.exception),
    }
}

fn window(window: &Window, units: &Units) -> Result<WindowConfig, Impossible> {
    let unit = |name: &str, count| at_least_one(&format!("units.{name}"), count);
    Ok(WindowConfig {
        width: at_least_one("window.width", window.width)?,
        reorder_buffer: at_least_one("window.reorder-buffer", window.reorder_buffer)?,
        load_queue: at_least_one("window.load-queue", window.load_queue)?,
        store_queue: at_least_one("window.store-queue", window.store_queue)?,
        mispredict: Cycles(u64::from(window.mispredict)),
        units: UnitConfig {
            load: unit("load", units.load)?,
            store: unit("store", units.store)?,
            alu: unit("alu", units.alu)?,
            branch: unit("branch", units.branch)?,
            mul: unit("mul", units.mul)?,
            div: unit("div", units.div)?,
            vector: unit("vector", units.vector)?,
            x87: unit("x87", units.x87)?,
        },
    })
}

/// The most there can be of anything that is counted.
const MOST: u32 = 1 << 20;

fn at_least_one(key: &str, count: u32) -> Result<u32, Impossible> {
    if count == 0 { Err(Impossible::new(key, "there has to be one at least")) } else { at_most(key, count) }
}

fn at_most(key: &str, count: u32) -> Result<u32, Impossible> {
    if count <= MOST { Ok(count) } else { Err(Impossible::new(key, format!("more than {MOST}"))) }
}
