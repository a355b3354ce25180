//! A matrix: a processor and a path of entries, of which certain bits take all their combinations.

use crate::naive::cpu::{Cpu, WHAT, WHO, What, Who};

/// Changes one thing about a processor.
pub(crate) type CpuFlip = fn(&mut Cpu);

/// A bit of an entry: its place in the path, from the root down, and its number.
pub(crate) type EntryFlip = (usize, u32);

/// The accesses of a matrix: read, write and fetch for each of user, supervisor, implicit supervisor.
pub(crate) const ACCESSES: u64 = 9;

/// One matrix.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// The processor, and what of it varies.
    pub(crate) cpu: Cpu,
    pub(crate) cpu_flips: &'static [CpuFlip],
    /// The entries, and what of them varies. With PAE the first is the PDPTE register.
    pub(crate) path: Vec<u64>,
    pub(crate) entry_flips: Vec<EntryFlip>,
    pub(crate) la: u64,
}

impl Shape {
    /// How many processors there are.
    pub(crate) fn processors(&self) -> u64 {
        1 << self.cpu_flips.len()
    }

    /// How many accesses each processor makes.
    pub(crate) fn accesses(&self) -> u64 {
        ACCESSES << self.entry_flips.len()
    }

    /// How many combinations there are.
    pub(crate) fn combinations(&self) -> u64 {
        self.processors() * self.accesses()
    }

    /// The processor with this number. The two choices that MMU-114 leaves take turns.
    pub(crate) fn processor(&self, number: u64) -> Cpu {
        let mut cpu = self.cpu;
        for (i, flip) in self.cpu_flips.iter().enumerate() {
            if number >> i & 1 == 1 {
                flip(&mut cpu);
            }
        }
        cpu.on_success_only = number.count_ones() % 2 == 1;
        cpu
    }

    /// The access with this number: entries, whose and what.
    pub(crate) fn access(&self, number: u64) -> ([u64; 5], Who, What) {
        let mut path = [0; 5];
        path[..self.path.len()].copy_from_slice(&self.path);
        let entries = number / ACCESSES;
        for (i, (place, bit)) in self.entry_flips.iter().enumerate() {
            path[*place] ^= (entries >> i & 1) << bit;
        }
        let access = (number % ACCESSES) as usize;
        (path, WHO[access / 3], WHAT[access % 3])
    }
}
