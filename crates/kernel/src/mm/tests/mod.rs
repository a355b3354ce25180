//! The memory management as a program sees it. Results that Linux decides were observed on Linux 6.18 under `setarch -R`.

mod buddy;
mod calls;
mod commit;
mod faults;
mod files;
mod fork;
mod fork_model;
mod huge;
mod hugetlb;
mod kernel_half;
mod keys;
mod locks;
mod model;
mod moves;
mod remote;
