//! The machine of a test as the options of the command line, so that `pagewalk trace` can make the test's trace too.

use crate::{DEFAULT_PAGE_CLUSTER, HugePages, MachineConfig, ReclaimConfig, SwapConfig, ViewConfig};
use std::fmt::Display;

/// The options of a machine that differ from the defaults; `None` if it differs in what no option says. Which files it sees is not asked: those are
/// where the trace is made.
pub(crate) fn options(config: &MachineConfig) -> Option<Vec<String>> {
    let usual = MachineConfig::new(config.view.clone());
    let mut words = Words(Vec::new());
    let mut told = usual.clone();
    if let Some(SwapConfig::Temporary(bytes)) = config.swap {
        words.0.push(format!("--swap={bytes}"));
        told.swap.clone_from(&config.swap);
    }
    told.ram_bytes = words.word("ram", config.ram_bytes, usual.ram_bytes);
    told.thp = words.word("thp", config.thp, usual.thp);
    told.hugepages = HugePages {
        of_2m: words.word("hugepages", config.hugepages.of_2m, 0),
        of_1g: words.word("hugepages-1g", config.hugepages.of_1g, 0),
    };
    let (reclaim, default) = (&config.reclaim, &usual.reclaim);
    let cluster = |reclaim: &ReclaimConfig| reclaim.page_cluster.unwrap_or(DEFAULT_PAGE_CLUSTER);
    words.word("page-cluster", cluster(reclaim), cluster(default));
    told.reclaim = ReclaimConfig {
        policy: words.word("reclaim", reclaim.policy, default.policy),
        aging: words.word("aging-flush", reclaim.aging, default.aging),
        page_cluster: reclaim.page_cluster,
        resident_limit: default.resident_limit,
    };
    told.readahead = words.word("readahead", config.readahead, usual.readahead);
    told.max_processes = words.word("max-processes", config.max_processes, usual.max_processes);
    told.quantum = words.word("quantum", config.quantum, usual.quantum);
    told.seed = words.word("seed", config.seed, usual.seed);
    // One option is both seeds.
    let seeds = config.view.seed == config.seed;
    let told = MachineConfig {
        view: ViewConfig { seed: config.view.seed, ..told.view },
        soft_tlb: config.soft_tlb, // never shows
        events: config.events,
        ..told
    };
    (seeds && told == *config).then_some(words.0)
}

struct Words(Vec<String>);

impl Words {
    /// An option, if it is not as usual; gives what it says.
    fn word<T: PartialEq + Display>(&mut self, name: &str, value: T, usual: T) -> T {
        if value != usual {
            self.0.push(format!("--{name}={value}"));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CpuModel, Features, PolicyName, ThpMode};

    fn machine() -> MachineConfig {
        MachineConfig::new(ViewConfig::default())
    }

    #[test]
    fn what_differs_is_said() {
        assert_eq!(options(&machine()), Some(vec![]));
        let seeded = MachineConfig { seed: 7, view: ViewConfig { seed: 7, ..ViewConfig::default() }, ..machine() };
        assert_eq!(options(&seeded), Some(vec!["--seed=7".into()]));
        let small = MachineConfig {
            ram_bytes: 8 << 20,
            swap: Some(SwapConfig::Temporary(1 << 20)),
            thp: ThpMode::Always,
            hugepages: HugePages { of_2m: 2, of_1g: 1 },
            reclaim: ReclaimConfig { policy: PolicyName::Clock, page_cluster: Some(0), ..ReclaimConfig::default() },
            readahead: 4,
            max_processes: 9,
            quantum: 1000,
            ..machine()
        };
        let said = "--swap=1048576 --ram=8388608 --thp=always --hugepages=2 --hugepages-1g=1 --page-cluster=0 \
                    --reclaim=clock --readahead=4 --max-processes=9 --quantum=1000";
        assert_eq!(options(&small).map(|words| words.join(" ")).as_deref(), Some(said));
    }

    #[test]
    fn what_no_option_says_is_not_left_out() {
        assert_eq!(options(&MachineConfig { seed: 7, ..machine() }), None, "the files have another seed");
        let fails = "alloc-fail=1".parse().expect("an injection");
        assert_eq!(options(&MachineConfig { injections: vec![fails], ..machine() }), None);
        let old = CpuModel { features: Features::empty(), ..CpuModel::default() };
        assert_eq!(options(&MachineConfig { cpu: old, ..machine() }), None);
        let bounded = MachineConfig { max_instructions: Some(1), ..machine() };
        assert_eq!(options(&bounded), None);
    }
}
