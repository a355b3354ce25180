//! Rust's runtime, with panics that unwind through frames that have something to drop.

use std::collections::{BTreeMap, HashMap};
use std::panic::catch_unwind;

struct Guard(u32);

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0 % 100 == 0 {
            println!("dropped {}", self.0);
        }
    }
}

fn descend(depth: u32) -> u32 {
    let guard = Guard(depth);
    assert!(depth < 500, "the bottom at {depth}");
    descend(depth + 1) + guard.0
}

fn main() {
    std::panic::set_hook(Box::new(|info| println!("hook: {info}")));
    for _ in 0..3 {
        let caught = catch_unwind(|| descend(1)).unwrap_err();
        println!("caught: {:?}", caught.downcast_ref::<String>());
    }
    println!("{:?}", catch_unwind(|| [1, 2, 3][std::env::args().count() + 2]).is_err());
    println!("{:?}", catch_unwind(|| i32::MAX / (std::env::args().count() as i32 - 1)).is_err());
    let squares: Vec<u64> = (0..100_000).map(|x| x * x % 1013).collect();
    let mut counts: HashMap<u64, u32> = HashMap::new();
    squares.iter().for_each(|x| *counts.entry(*x).or_default() += 1);
    let sorted: BTreeMap<_, _> = counts.into_iter().collect();
    println!("{:?} {}", sorted.iter().take(5).collect::<Vec<_>>(), squares.iter().map(|&x| x as f64).sum::<f64>().sqrt());
    println!("{} {:?} {:e} {:?}", "héllo".to_uppercase(), "1.5e300".parse::<f64>(), 1.0 / 3.0, f32::MIN_POSITIVE);
    println!("{:?}", std::fs::read_to_string("numbers").map(|text| text.lines().count()));
    println!("{:?}", std::fs::read_to_string("missing").map_err(|e| e.kind()));
    println!("{:?}", std::io::stdin().lines().map_while(Result::ok).map(|line| line.len()).collect::<Vec<_>>());
    panic!("the end");
}
