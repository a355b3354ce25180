//! The layering: the arrows between crates that must not exist, and where unsafe code may stand.
//!
//! An arrow is forbidden however many crates lie between its ends: if `kernel` must not know `cpu`, it must not know a
//! crate that does. A crate that does not exist (yet) breaks no rule.

use crate::manifest::{UnsafeCode, Workspace};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::PathBuf;

/// Which crates of the workspace one crate may reach.
#[derive(Clone, Copy, Debug)]
enum Reach {
    /// None but these.
    Only(&'static [&'static str]),
    /// All but these.
    Not(&'static [&'static str]),
}

impl Reach {
    /// Whether the crate of that name may be reached.
    fn permits(self, name: &str) -> bool {
        match self {
            Reach::Only(permitted) => permitted.contains(&name),
            Reach::Not(forbidden) => !forbidden.contains(&name),
        }
    }
}

/// The rules, from the vocabulary up. `machine` wires everything and has none; the leaves above it need none.
const RULES: &[(&str, Reach)] = &[
    ("arch", Reach::Only(&[])),
    ("paging", Reach::Only(&["arch"])),
    ("event", Reach::Only(&["arch"])),
    ("decode", Reach::Only(&["arch"])),
    ("loader", Reach::Only(&["arch"])),
    ("mmu", Reach::Not(&["kernel", "timing"])),
    ("cpu", Reach::Not(&["kernel", "loader", "event", "machine"])),
    ("kernel", Reach::Not(&["cpu", "mmu", "timing", "physmem"])),
    ("timing", Reach::Not(&["cpu", "mmu", "kernel"])),
    ("packing", Reach::Only(&[])),
    ("accesses", Reach::Only(&["arch", "packing", "paging"])),
    ("trace", Reach::Only(&["arch", "event", "loader", "packing"])),
    ("watch", Reach::Only(&["arch", "event", "paging"])),
    ("report", Reach::Only(&["arch", "paging", "decode", "loader", "timing"])),
    ("qemu-plugin", Reach::Only(&["arch", "paging", "physmem", "decode", "timing"])),
];

/// Crates that must deny unsafe code, so that each module that needs it says so.
const MUST_DENY: &[&str] = &["physmem", "mmu"];

/// Crates that are made of unsafe code: generated machine code, KVM, a C interface.
const MAY_ALLOW: &[&str] = &["jit", "oracle", "qemu-plugin"];

/// One breach of the rules.
#[derive(Debug, PartialEq, Eq)]
pub enum Violation {
    /// A forbidden dependency, as the shortest chain of crates from its first end to its last.
    Arrow(Vec<String>),
    /// A crate root that says less against unsafe code than it must.
    Unsafe {
        /// The crate root.
        root: PathBuf,
        /// What it must say at least.
        required: UnsafeCode,
    },
    /// A crate of which no root was found, so that nothing is known about its unsafe code.
    NoRoot(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Arrow(chain) => {
                let [first, .., last] = chain.as_slice() else {
                    unreachable!("an arrow has two ends");
                };
                write!(f, "`{first}` must not depend on `{last}`: ")?;
                write!(f, "{}", chain.join(" -> "))
            }
            Violation::Unsafe { root, required } => {
                let attribute = match required {
                    UnsafeCode::Forbidden => "#![forbid(unsafe_code)]",
                    _ => "#![deny(unsafe_code)]",
                };
                write!(f, "{}: `{attribute}` is missing", root.display())
            }
            Violation::NoRoot(name) => write!(f, "`{name}` has no lib.rs and no main.rs"),
        }
    }
}

/// All violations of the rules, in the rules' order and then by name.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = check_arrows(workspace);
    violations.extend(check_unsafe_code(workspace));
    violations
}

/// The forbidden arrows that exist.
pub fn check_arrows(workspace: &Workspace) -> Vec<Violation> {
    RULES
        .iter()
        .flat_map(|(name, reach)| {
            chains_from(workspace, name)
                .into_iter()
                .filter(|(target, _)| !reach.permits(target))
                .map(|(_, chain)| Violation::Arrow(chain))
        })
        .collect()
}

/// The shortest chain of dependencies from one crate to each crate it reaches.
fn chains_from(workspace: &Workspace, start: &str) -> BTreeMap<String, Vec<String>> {
    let mut chains: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut queue = VecDeque::from([vec![start.to_string()]]);
    while let Some(chain) = queue.pop_front() {
        let Some(from) = chain.last().and_then(|last| workspace.crates.get(last)) else {
            continue;
        };
        for target in &from.dependencies {
            if target == start || chains.contains_key(target) {
                continue;
            }
            let mut longer = chain.clone();
            longer.push(target.clone());
            chains.insert(target.clone(), longer.clone());
            queue.push_back(longer);
        }
    }
    chains
}

/// The crate roots that say too little about unsafe code.
pub fn check_unsafe_code(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (name, krate) in &workspace.crates {
        let required = required_stance(name);
        if krate.roots.is_empty() {
            violations.push(Violation::NoRoot(name.clone()));
        }
        for (root, stance) in &krate.roots {
            if *stance < required {
                violations.push(Violation::Unsafe { root: root.clone(), required });
            }
        }
    }
    violations
}

/// What the roots of a crate must say about unsafe code at least.
fn required_stance(name: &str) -> UnsafeCode {
    if MAY_ALLOW.contains(&name) {
        UnsafeCode::Allowed
    } else if MUST_DENY.contains(&name) {
        UnsafeCode::Denied
    } else {
        UnsafeCode::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Crate;

    /// A workspace of `crate: dependency dependency` lines, each crate with one root that forbids unsafe code.
    fn workspace(lines: &[&str]) -> Workspace {
        let crates = lines.iter().map(|line| {
            let (name, dependencies) = line.split_once(':').expect("a line is `crate: ...`");
            let krate = Crate {
                dependencies: dependencies.split_whitespace().map(str::to_string).collect(),
                roots: vec![(PathBuf::from(name), UnsafeCode::Forbidden)],
            };
            (name.to_string(), krate)
        });
        Workspace { crates: crates.collect() }
    }

    /// The violations as the user reads them.
    fn messages(workspace: &Workspace) -> Vec<String> {
        check(workspace).iter().map(Violation::to_string).collect()
    }

    const SOUND: &[&str] = &[
        "arch:",
        "paging: arch",
        "event: arch",
        "decode: arch",
        "loader: arch",
        "physmem: arch paging",
        "mmu: arch paging physmem",
        "cpu: arch paging physmem mmu decode",
        "kernel: arch paging event loader",
        "machine: cpu kernel mmu physmem",
    ];

    #[test]
    fn a_sound_set_has_no_violations() {
        assert!(messages(&workspace(SOUND)).is_empty());
    }

    #[test]
    fn a_direct_arrow_is_found() {
        let found = messages(&workspace(&["mmu: paging kernel", "paging:", "kernel:"]));
        assert_eq!(found, ["`mmu` must not depend on `kernel`: mmu -> kernel"]);
    }

    #[test]
    fn a_transitive_arrow_is_found_with_its_chain() {
        let found = messages(&workspace(&["kernel: digest", "digest: glue", "glue: timing", "timing:"]));
        assert_eq!(found, ["`kernel` must not depend on `timing`: kernel -> digest -> glue -> timing"]);
    }

    #[test]
    fn the_vocabulary_reaches_nothing_else() {
        let found = messages(&workspace(&["arch: event", "event: arch", "paging: arch"]));
        assert!(found.contains(&"`arch` must not depend on `event`: arch -> event".to_string()));
        assert!(found.contains(&"`paging` must not depend on `event`: paging -> arch -> event".to_string()));
    }

    /// Every rule can fail: for each forbidden pair, a set with that one arrow is refused.
    #[test]
    fn every_forbidden_pair_is_refused() {
        let others = ["arch", "cpu", "mmu", "kernel", "timing", "physmem", "loader"];
        let others = others.into_iter().chain(["event", "machine", "xtask"]);
        for (from, reach) in RULES {
            for to in others.clone().filter(|to| to != from) {
                let arrow = format!("{from}: {to}");
                let other = format!("{to}:");
                let found = check_arrows(&workspace(&[&arrow, &other]));
                assert_eq!(found.is_empty(), reach.permits(to), "{arrow}");
            }
        }
    }

    #[test]
    fn each_crate_has_its_own_stance_on_unsafe_code() {
        let mut set = workspace(&["cpu:", "mmu:", "oracle:", "trace:"]);
        for (name, stance) in
            [("cpu", UnsafeCode::Denied), ("mmu", UnsafeCode::Allowed), ("oracle", UnsafeCode::Allowed)]
        {
            set.crates.get_mut(name).unwrap().roots[0].1 = stance;
        }
        set.crates.get_mut("trace").unwrap().roots.clear();
        assert_eq!(
            messages(&set),
            [
                "cpu: `#![forbid(unsafe_code)]` is missing",
                "mmu: `#![deny(unsafe_code)]` is missing",
                "`trace` has no lib.rs and no main.rs",
            ]
        );
    }
}
