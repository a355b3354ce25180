//! Ordered maps, hashing, formatting, iterators and floating point. Usage: tree ROUNDS
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fmt::Write;

fn main() {
    let rounds: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(20);
    let mut state = 0x9e37_79b9_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state ^ state >> 29
    };
    let mut tree = BTreeMap::new();
    let mut table: HashMap<String, u64> = HashMap::new();
    let mut heap = BinaryHeap::new();
    let mut text = String::new();
    for round in 0..rounds {
        for _ in 0..20 {
            let key = next() % 500;
            *tree.entry(key).or_insert(0_u64) += round;
            heap.push(next() >> (key % 50));
        }
        text.clear();
        let _ = write!(text, "{round:>5} {:?} {:.6}", tree.range(100..110).next(), (round as f64).sqrt());
        *table.entry(text.clone()).or_default() += text.bytes().map(u64::from).sum::<u64>();
        if let Some(top) = heap.pop() {
            tree.remove(&(top % 500));
        }
        let parsed: f64 = text.rsplit(' ').next().and_then(|t| t.parse().ok()).unwrap_or(0.0);
        table.insert(format!("{parsed:e}"), u64::from((parsed as f32).to_bits()));
    }
    let mut sums: Vec<u64> = table.values().copied().collect();
    sums.sort_unstable();
    let total = sums.iter().fold(0_u64, |a, b| a.rotate_left(7) ^ b.wrapping_mul(31));
    println!("{} {} {total}", tree.len(), heap.len());
}
