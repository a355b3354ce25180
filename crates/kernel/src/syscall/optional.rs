//! Calls that every program must be ready to see refused. They get the answer of a Linux that was built without the feature,
//! or that does not let this user have it, so the program takes its other path.
//!
//! A call belongs here only if such a Linux exists and programs cope; everything else that is missing ends the run.

use crate::Errno;

/// A refusal that some real Linux gives.
struct Refusal {
    calls: &'static [u64],
    errno: Errno,
    #[allow(dead_code, reason = "for the reader, and for the test that each has one")]
    because: &'static str,
}

#[rustfmt::skip]
const REFUSALS: &[Refusal] = &[
    Refusal { calls: &[334], errno: Errno::ENOSYS,
        because: "rseq: before Linux 4.18 there was none; C libraries fall back" },
    Refusal { calls: &[425, 426, 427], errno: Errno::ENOSYS,
        because: "io_uring_setup and its two: CONFIG_IO_URING=n; programs use read and write" },
    Refusal { calls: &[206, 207, 208, 209, 210, 333], errno: Errno::ENOSYS,
        because: "io_setup and its family: CONFIG_AIO=n; programs use threads or plain I/O" },
    Refusal { calls: &[248, 249, 250], errno: Errno::ENOSYS,
        because: "add_key, request_key, keyctl: CONFIG_KEYS=n" },
    Refusal { calls: &[317, 444, 445, 446, 447], errno: Errno::ENOSYS,
        because: "seccomp, landlock, memfd_secret: hardening that is not built in" },
    Refusal { calls: &[237, 238, 239, 256, 279, 450], errno: Errno::ENOSYS,
        because: "mbind, set_mempolicy, get_mempolicy, migrate_pages, move_pages: CONFIG_NUMA=n" },
    Refusal { calls: &[154], errno: Errno::ENOSYS,
        because: "modify_ldt: CONFIG_MODIFY_LDT_SYSCALL=n" },
    Refusal { calls: &[312], errno: Errno::ENOSYS,
        because: "kcmp: CONFIG_KCMP=n" },
    Refusal { calls: &[323], errno: Errno::ENOSYS,
        because: "userfaultfd: CONFIG_USERFAULTFD=n" },
    Refusal { calls: &[253, 254, 255, 294, 300, 301], errno: Errno::ENOSYS,
        because: "inotify_init and its family, fanotify_init, fanotify_mark: CONFIG_INOTIFY_USER=n, CONFIG_FANOTIFY=n; programs poll" },
    Refusal { calls: &[303, 304], errno: Errno::ENOSYS,
        because: "name_to_handle_at, open_by_handle_at: CONFIG_FHANDLE=n" },
    Refusal { calls: &[240, 241, 242, 243, 244, 245], errno: Errno::ENOSYS,
        because: "mq_open and its family: CONFIG_POSIX_MQUEUE=n" },
    Refusal { calls: &[139, 212, 451], errno: Errno::ENOSYS,
        because: "sysfs, lookup_dcookie, cachestat: CONFIG_SYSFS_SYSCALL=n, no dcookies since Linux 6.7, CONFIG_CACHESTAT_SYSCALL=n" },
    Refusal { calls: &[449], errno: Errno::ENOSYS,
        because: "futex_waitv: younger than many a Linux in use; programs fall back" },
    Refusal { calls: &[298], errno: Errno::EACCES,
        because: "perf_event_open: kernel.perf_event_paranoid=3" },
    Refusal { calls: &[321], errno: Errno::EPERM,
        because: "bpf: kernel.unprivileged_bpf_disabled=1" },
    Refusal { calls: &[453], errno: Errno::ENOSYS,
        because: "map_shadow_stack: CONFIG_X86_USER_SHADOW_STACK=n" },
    Refusal { calls: &[41], errno: Errno::EAFNOSUPPORT,
        because: "socket: no address family but pairs is built in; C libraries ask a name service daemon and go on" },
    Refusal { calls: &[101], errno: Errno::EPERM,
        because: "ptrace: kernel.yama.ptrace_scope=3" },
    Refusal { calls: &[153, 155, 161, 163, 167, 168, 169, 170, 171, 172, 173, 179, 443], errno: Errno::EPERM,
        because: "vhangup, pivot_root, chroot, acct, swapon, swapoff, reboot, sethostname, setdomainname, \
                  iopl, ioperm, quotactl, quotactl_fd: a privilege that a container does not have" },
    Refusal { calls: &[103, 175, 176, 246, 313, 320], errno: Errno::EPERM,
        because: "syslog, init_module, delete_module, kexec_load, finit_module, kexec_file_load: the same" },
    Refusal { calls: &[308, 428, 429, 430, 431, 432, 433, 442], errno: Errno::EPERM,
        because: "setns, open_tree, move_mount, fsopen and its family: the same" },
    Refusal { calls: &[134, 156, 174, 177, 178, 180, 181, 182, 183, 184, 185, 205, 211, 214, 215, 236], errno: Errno::ENOSYS,
        because: "uselib, _sysctl, create_module and others: no Linux of today serves them on x86-64" },
];

/// How a call is refused, if it is in the table.
pub(super) fn refusal(number: u64) -> Option<Errno> {
    REFUSALS.iter().find(|r| r.calls.contains(&number)).map(|r| r.errno)
}

#[cfg(test)]
mod tests {
    use super::super::syscall_name;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_call_exists_is_listed_once_and_named_in_its_reason() {
        let mut seen = BTreeSet::new();
        for refusal in REFUSALS {
            for &call in refusal.calls {
                assert!(syscall_name(call).is_some(), "{call}");
                assert!(seen.insert(call), "{call} is listed twice");
            }
            let first = syscall_name(refusal.calls[0]).unwrap();
            assert!(refusal.because.contains(first), "{first}: {}", refusal.because);
        }
    }

    #[test]
    fn what_programs_need_is_not_refused() {
        for call in [0, 1, 56, 57, 58, 59, 435] {
            assert_eq!(refusal(call), None, "{call}");
        }
    }
}
