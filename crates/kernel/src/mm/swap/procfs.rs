//! `/proc/swaps` (Linux's `swap_show`).

use super::SwapTable;
use arch::FRAME_SIZE;

const KIB_PER_PAGE: u64 = FRAME_SIZE / 1024;
/// The priority of the first area for which none was asked.
const PRIORITY: i32 = -2;
/// The name that the guest sees, the same whatever the device is on the host.
const NAME: &str = "/dev/swap";

impl SwapTable {
    /// The text of `/proc/swaps`: a line for the device if there is one, sizes in KiB, the header not included.
    #[must_use]
    pub fn proc_swaps(&self) -> String {
        let mut text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_owned();
        if self.total() > 0 {
            let [size, used] = [self.total(), self.used()].map(|pages| column(u64::from(pages) * KIB_PER_PAGE));
            text += &format!("{NAME:<40}partition\t{size}\t{used}\t{PRIORITY}\n");
        }
        text
    }
}

/// A number, with a second tab if it is short.
fn column(kib: u64) -> String {
    format!("{kib}{}", if kib < 10_000_000 { "\t" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::swap::SwapOwner;
    use arch::Pfn;

    #[test]
    fn the_columns_are_linux_s() {
        const HEAD: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert_eq!(SwapTable::new(0).proc_swaps(), HEAD);
        let mut swap = SwapTable::new(524_288);
        swap.alloc(Pfn(5), SwapOwner::Anon).unwrap();
        let name = "/dev/swap                               ";
        assert_eq!(swap.proc_swaps(), format!("{HEAD}{name}partition\t2097148\t\t4\t\t-2\n"));
        assert!(SwapTable::new(1 << 24).proc_swaps().contains("\t67108860\t0\t\t-2\n"));
    }
}
