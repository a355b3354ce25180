//! Virtual time: what the guest's clocks show.
//!
//! One retired instruction is one nanosecond; each service of the kernel layer adds its cost ([`crate::costs`]); sleeping
//! and waiting for a device add what passed. Nothing else moves the clock, so a run reads the same times on every machine.

/// Nanoseconds in a second.
pub(crate) const NSEC_PER_SEC: u64 = 1_000_000_000;

/// CLOCK_MONOTONIC when a run starts: the simulated machine has been up for so long.
const UPTIME_AT_START_NS: u64 = 100 * NSEC_PER_SEC;

/// CLOCK_REALTIME when a run starts, in seconds since 1970: 2030-01-01 00:00:00 UTC. It lies ahead, so that what a program
/// makes is newer than what it finds on the host.
pub const DEFAULT_EPOCH_SECONDS: u64 = 1_893_456_000;

/// The clock of the simulated machine, less the instructions, which the machine counts.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    epoch_ns: u64,
    service_ns: u64,
    slept_ns: u64,
}

impl Clock {
    /// A clock whose CLOCK_REALTIME starts at so many seconds since 1970.
    pub(crate) const fn new(epoch_seconds: u64) -> Self {
        Self { epoch_ns: epoch_seconds.saturating_mul(NSEC_PER_SEC), service_ns: 0, slept_ns: 0 }
    }

    /// Charges a service of the kernel layer.
    pub(crate) const fn charge(&mut self, ns: u64) {
        self.service_ns = self.service_ns.saturating_add(ns);
    }

    /// Lets time pass in which a device works and the processor waits.
    pub(crate) const fn wait_for_device(&mut self, ns: u64) {
        self.slept_ns = self.slept_ns.saturating_add(ns);
    }

    /// CLOCK_MONOTONIC, in nanoseconds.
    pub(crate) const fn monotonic_ns(&self, instructions: u64) -> u64 {
        UPTIME_AT_START_NS.saturating_add(self.cpu_ns(instructions)).saturating_add(self.slept_ns)
    }

    /// CLOCK_REALTIME, in nanoseconds since 1970.
    pub(crate) const fn realtime_ns(&self, instructions: u64) -> u64 {
        self.realtime_of(self.monotonic_ns(instructions))
    }

    /// The CLOCK_REALTIME of a CLOCK_MONOTONIC.
    pub(crate) const fn realtime_of(&self, monotonic_ns: u64) -> u64 {
        monotonic_ns.saturating_sub(UPTIME_AT_START_NS).saturating_add(self.epoch_ns)
    }

    /// The CLOCK_MONOTONIC of a CLOCK_REALTIME; 0 for one before the machine was up.
    pub(crate) const fn monotonic_of(&self, realtime_ns: u64) -> u64 {
        realtime_ns.saturating_add(UPTIME_AT_START_NS).saturating_sub(self.epoch_ns)
    }

    /// CLOCK_PROCESS_CPUTIME_ID: time spent in the program and in services for it, in nanoseconds.
    pub(crate) const fn cpu_ns(&self, instructions: u64) -> u64 {
        instructions.saturating_add(self.service_ns)
    }

    /// Time spent in services of the kernel layer, in nanoseconds.
    pub(crate) const fn system_ns(&self) -> u64 {
        self.service_ns
    }

    /// Sleeps until CLOCK_MONOTONIC shows `monotonic_ns`; no sleep if it already does.
    pub(crate) const fn sleep_until(&mut self, instructions: u64, monotonic_ns: u64) {
        let missing = monotonic_ns.saturating_sub(self.monotonic_ns(instructions));
        self.slept_ns = self.slept_ns.saturating_add(missing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_services_and_sleep_add_up() {
        let mut c = Clock::new(5);
        let start = c.monotonic_ns(0);
        c.charge(200);
        assert_eq!(c.monotonic_ns(10) - start, 210);
        c.sleep_until(10, start + 1000);
        assert_eq!(c.monotonic_ns(10) - start, 1000);
        assert_eq!(c.cpu_ns(10), 210);
        assert_eq!(c.realtime_ns(10), 5 * NSEC_PER_SEC + 1000);
        c.sleep_until(10, start);
        assert_eq!(c.monotonic_ns(10) - start, 1000, "the clock never goes back");
    }

    #[test]
    fn the_two_clocks_convert() {
        let c = Clock::new(DEFAULT_EPOCH_SECONDS);
        assert_eq!(c.monotonic_of(c.realtime_ns(77)), c.monotonic_ns(77));
        assert_eq!(c.monotonic_of(0), 0);
    }
}
