//! Linux's words for what a mapping allows, and for what a program says of one.

use event::{ProcessEnd, Rights};

/// As in `/proc/<pid>/maps`.
pub(super) fn rights(rights: Rights) -> String {
    let of = |right, letter| if rights.contains(right) { letter } else { '-' };
    let shared = if rights.contains(Rights::SHARED) { 's' } else { 'p' };
    [of(Rights::READ, 'r'), of(Rights::WRITE, 'w'), of(Rights::EXEC, 'x'), shared].into_iter().collect()
}

/// How a process ended.
pub(super) fn end_name(end: ProcessEnd) -> String {
    match end {
        ProcessEnd::Status(status) => format!("status-{status}"),
        ProcessEnd::Signal(signal) => format!("signal-{signal}"),
    }
}

/// Linux's names, from `asm-generic/mman-common.h`.
pub(super) fn advice_name(advice: i32) -> String {
    let name = match advice {
        0 => "normal",
        1 => "random",
        2 => "sequential",
        3 => "willneed",
        4 => "dontneed",
        8 => "free",
        9 => "remove",
        10 => "dontfork",
        11 => "dofork",
        12 => "mergeable",
        13 => "unmergeable",
        14 => "hugepage",
        15 => "nohugepage",
        16 => "dontdump",
        17 => "dodump",
        18 => "wipeonfork",
        19 => "keeponfork",
        20 => "cold",
        21 => "pageout",
        22 => "populate-read",
        23 => "populate-write",
        24 => "dontneed-locked",
        25 => "collapse",
        _ => return advice.to_string(),
    };
    name.to_owned()
}
