//! What each service of the kernel layer costs in virtual time, and the meter that adds it up.
//!
//! Protocol. Whoever does a service charges it to the [`Meter`], which lies beside the frames so that every path that moves a
//! page has it. Nobody else knows a price. The kernel layer empties the meter when it is entered, before another process
//! comes to run, and when it goes back to the program: what the processor did is then time of the process, what a device
//! did is time that passed.

use crate::Hw;
use crate::kernel::Kernel;
use arch::Service;
use event::Resolution;
use thiserror::Error;

/// The table in the source, which documents each cost.
const BUILT_IN: &str = include_str!("../costs.toml");
/// The most that a service may cost: an hour, so that sums stay far from overflow.
const MAX_NS: u64 = 3600 * 1_000_000_000;

/// The service that a page fault is, by what came of it.
pub(crate) const fn service_of_fault(resolution: Resolution) -> Service {
    match resolution {
        Resolution::ZeroPage => Service::FaultZeroPage,
        Resolution::DemandZero => Service::FaultDemandZero,
        Resolution::DemandZeroHuge => Service::FaultDemandZeroHuge,
        Resolution::FileCached => Service::FaultFileCached,
        Resolution::FileRead => Service::FaultFileRead,
        Resolution::CopiedOnWrite => Service::FaultCopiedOnWrite,
        Resolution::ReusedOnWrite => Service::FaultReusedOnWrite,
        Resolution::SwappedIn => Service::FaultSwapRead,
        Resolution::SwapCached => Service::FaultSwapCached,
        Resolution::Spurious => Service::FaultSpurious,
        Resolution::SegvMapErr | Resolution::SegvAccErr | Resolution::Bus | Resolution::OutOfMemory => {
            Service::FaultSignal
        }
    }
}

/// What pages go to, or come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// A page comes from the disk.
    DiskRead,
    /// A page goes to the disk.
    DiskWrite,
    /// A page comes from the swap device.
    SwapRead,
    /// A page goes to the swap device.
    SwapWrite,
}

impl Io {
    const fn services(self) -> (Service, Service) {
        match self {
            Self::DiskRead => (Service::DiskReadRequest, Service::DiskReadPage),
            Self::DiskWrite => (Service::DiskWriteRequest, Service::DiskWritePage),
            Self::SwapRead => (Service::SwapReadRequest, Service::SwapReadPage),
            Self::SwapWrite => (Service::SwapWriteRequest, Service::SwapWritePage),
        }
    }
}

/// The cost of every service, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs([u64; Service::ALL.len()]);

/// Why a table of costs cannot be used.
#[derive(Debug, Error)]
pub enum CostsError {
    /// It is no TOML.
    #[error("this is no TOML: {}", .0.message())]
    Syntax(#[from] toml::de::Error),
    /// It has a key that is none.
    #[error("`{0}` is no cost; crates/kernel/costs.toml lists them all")]
    UnknownKey(String),
    /// A value is no time.
    #[error("`{0}` must be a number of nanoseconds, at most an hour")]
    Value(String),
}

impl Default for Costs {
    fn default() -> Self {
        Self([0; Service::ALL.len()]).overridden(BUILT_IN).expect("the built-in table is tested")
    }
}

impl Costs {
    /// The built-in table, with the costs that `text` names in place of its own. The text is TOML: `key = nanoseconds`.
    ///
    /// # Errors
    /// [`CostsError`]; a key that is not known is one.
    pub fn parse(text: &str) -> Result<Self, CostsError> {
        Self::default().overridden(text)
    }

    /// What a service costs, in nanoseconds.
    #[must_use]
    pub const fn ns(&self, service: Service) -> u64 {
        self.0[service as usize]
    }

    /// The same table with a swap device that takes `factor` times as long.
    #[must_use]
    pub fn with_slow_swap(mut self, factor: u32) -> Self {
        for service in Service::ALL.into_iter().filter(|service| service.is_swap()) {
            self.0[service as usize] = self.ns(service).saturating_mul(factor.into()).min(MAX_NS);
        }
        self
    }

    fn overridden(mut self, text: &str) -> Result<Self, CostsError> {
        for (key, value) in text.parse::<toml::Table>()? {
            let service = Service::ALL.into_iter().find(|service| service.key() == key);
            let service = service.ok_or_else(|| CostsError::UnknownKey(key.clone()))?;
            let ns = value.as_integer().and_then(|ns| u64::try_from(ns).ok()).filter(|&ns| ns <= MAX_NS);
            self.0[service as usize] = ns.ok_or(CostsError::Value(key))?;
        }
        Ok(self)
    }
}

/// Time that services took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charged {
    /// On the processor, in nanoseconds.
    pub(crate) busy_ns: u64,
    /// Waiting for a device, in nanoseconds.
    pub(crate) waited_ns: u64,
}

/// Adds up what services cost.
#[derive(Clone, Debug)]
pub struct Meter {
    costs: Costs,
    charged: Charged,
    /// Nanoseconds by service, for a model of the hardware.
    by_service: [u64; Service::ALL.len()],
    /// The page behind the last one that moved: of what, of which file, which page. The same request goes on there.
    next: Option<(Io, u64, u64)>,
}

impl Meter {
    /// An empty meter with these prices.
    #[must_use]
    pub const fn new(costs: Costs) -> Self {
        let charged = Charged { busy_ns: 0, waited_ns: 0 };
        Self { costs, charged, by_service: [0; Service::ALL.len()], next: None }
    }

    /// A service was done.
    pub const fn charge(&mut self, service: Service) {
        self.charge_times(service, 1);
    }

    /// A service was done so many times.
    pub const fn charge_times(&mut self, service: Service, times: u64) {
        let ns = self.costs.ns(service).saturating_mul(times);
        let sum = if service.is_device() { &mut self.charged.waited_ns } else { &mut self.charged.busy_ns };
        *sum = sum.saturating_add(ns);
        let of_service = &mut self.by_service[service as usize];
        *of_service = of_service.saturating_add(ns);
    }

    /// Page `index` of `file` (0 for the swap device) is read or written: a page, and a request unless the last one goes on.
    pub fn transfer(&mut self, io: Io, file: u64, index: u64) {
        let (request, page) = io.services();
        if self.next != Some((io, file, index)) {
            self.charge(request);
        }
        self.charge(page);
        self.next = Some((io, file, index + 1));
    }

    /// What was charged since the last time. A request ends here too.
    pub(crate) const fn take(&mut self) -> Charged {
        self.next = None;
        std::mem::replace(&mut self.charged, Charged { busy_ns: 0, waited_ns: 0 })
    }

    /// The services that were charged since the last time, with their nanoseconds.
    fn take_services(&mut self) -> impl Iterator<Item = (Service, u64)> + use<> {
        let by_service = std::mem::replace(&mut self.by_service, [0; Service::ALL.len()]);
        Service::ALL.into_iter().zip(by_service).filter(|(_, ns)| *ns > 0)
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new(Costs::default())
    }
}

impl Kernel {
    /// What the kernel layer has done since the last time, in nanoseconds of each service.
    pub fn take_services(&mut self) -> impl Iterator<Item = (Service, u64)> + use<> {
        self.frames.meter.take_services()
    }

    /// Lets the time pass that services have taken since the last time.
    pub(crate) fn settle_costs(&mut self) {
        let Charged { busy_ns, waited_ns } = self.frames.meter.take();
        self.clock.charge(busy_ns);
        self.clock.wait_for_device(waited_ns);
        self.current.times.charge(busy_ns);
    }

    /// Charges the flushes that this entry calls for, which the machine is about to make.
    pub(crate) fn charge_flushes(&mut self, hw: &Hw<'_>) {
        match hw.shootdown.pages() {
            Some(pages) => self.frames.meter.charge_times(Service::TlbFlushPage, pages as u64),
            None => self.frames.meter.charge(Service::TlbFlush),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_has_every_cost_and_says_what_it_is() {
        let table: toml::Table = BUILT_IN.parse().unwrap();
        let mut keys: Vec<_> = Service::ALL.iter().map(|service| service.key()).collect();
        keys.sort_unstable();
        assert_eq!(table.keys().collect::<Vec<_>>(), keys);
        assert_eq!(Costs::default().ns(Service::SystemCall), 200);
        assert!(Service::ALL.iter().all(|&service| Costs::default().ns(service) > 0));
    }

    #[test]
    fn a_table_may_name_some() {
        let costs = Costs::parse("copy-page = 7 # fast\nzero-page=0\n").unwrap();
        assert_eq!((costs.ns(Service::CopyPage), costs.ns(Service::ZeroPage)), (7, 0));
        for service in Service::ALL {
            if ![Service::CopyPage, Service::ZeroPage].contains(&service) {
                assert_eq!(costs.ns(service), Costs::default().ns(service), "{service:?}");
            }
        }
        assert_eq!(Costs::parse("").unwrap(), Costs::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(matches!(Costs::parse("copy-pgae = 1"), Err(CostsError::UnknownKey(key)) if key == "copy-pgae"));
        for value in ["-1", "1.5", "'1'", "3600000000001", "true"] {
            let outcome = Costs::parse(&format!("copy-page = {value}"));
            assert!(matches!(outcome, Err(CostsError::Value(key)) if key == "copy-page"), "{value}");
        }
        assert!(matches!(Costs::parse("copy-page"), Err(CostsError::Syntax(_))));
        assert!(matches!(Costs::parse("[copy-page]"), Err(CostsError::Value(_))));
    }

    #[test]
    fn slow_swap_is_slow_swap_alone() {
        let slow = Costs::default().with_slow_swap(10);
        for service in Service::ALL {
            let factor = if service.key().starts_with("swap-") { 10 } else { 1 };
            assert_eq!(slow.ns(service), factor * Costs::default().ns(service), "{service:?}");
        }
        assert_eq!(Costs::default().with_slow_swap(u32::MAX).ns(Service::SwapReadRequest), MAX_NS);
    }

    #[test]
    fn devices_are_waited_for_and_the_rest_is_work() {
        for service in Service::ALL {
            let mut meter = Meter::default();
            meter.charge_times(service, 3);
            let ns = 3 * Costs::default().ns(service);
            let is_device = service.key().starts_with("disk-") || service.key().starts_with("swap-");
            let (busy_ns, waited_ns) = if is_device { (0, ns) } else { (ns, 0) };
            assert_eq!(meter.take(), Charged { busy_ns, waited_ns }, "{service:?}");
            assert_eq!(meter.take(), Charged::default());
        }
    }

    #[test]
    fn neighbours_share_a_request() {
        let costs = Costs::parse("swap-read-request = 1000\nswap-read-page = 1\ndisk-read-request = 100000").unwrap();
        let mut meter = Meter::new(costs);
        let mut waited = |pages: &[(Io, u64, u64)]| {
            pages.iter().for_each(|&(io, file, index)| meter.transfer(io, file, index));
            meter.take().waited_ns
        };
        let read = |index| (Io::SwapRead, 0, index);
        assert_eq!(waited(&[read(4), read(5), read(6)]), 1003);
        assert_eq!(waited(&[read(7)]), 1001, "a request ends with the entry");
        assert_eq!(waited(&[read(7), read(7), read(9), read(10)]), 3004);
        assert_eq!(waited(&[read(7), (Io::DiskRead, 0, 8), (Io::DiskRead, 1, 9)]) / 1000, 1 + 200 + 3);
    }
}
