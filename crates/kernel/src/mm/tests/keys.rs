//! Protection keys: in the flags of a mapping, and in each entry of its pages.

use crate::Errno;
use crate::mm::Prot;
use crate::mm::testing::{FIXED, Guest, PAGE, RW};
use arch::{LinearAddr, UserContext};

const AT: u64 = 0x1000_0000;

fn registers() -> UserContext {
    UserContext::at_entry(LinearAddr(0), LinearAddr(0))
}

fn keys(guest: &Guest, pages: u64) -> Vec<u64> {
    (0..pages).map(|page| guest.pte(AT + page * PAGE).key()).collect()
}

#[test]
fn a_key_is_in_every_entry() {
    let mut guest = Guest::new();
    let mut ctx = registers();
    guest.run(|mm, _| mm.enable_pkeys());
    let key = guest.run(|mm, _| mm.pkey_alloc(&mut ctx, 2)).unwrap();
    assert_eq!((key, ctx.pkru >> 2 & 3), (1, 2));
    guest.mmap(AT, 4 * PAGE, RW, FIXED).unwrap();
    (0..3).for_each(|page| guest.write(AT + page * PAGE, 1).unwrap());
    let protect = |guest: &mut Guest, page, pages, prot, key| {
        guest.run(|mm, cx| mm.pkey_mprotect(cx, LinearAddr(AT + page * PAGE), pages * PAGE, prot, key))
    };
    assert_eq!(protect(&mut guest, 0, 1, RW, 2), Err(Errno::EINVAL), "nobody has that key");
    protect(&mut guest, 1, 3, RW, 1).unwrap();
    assert_eq!(keys(&guest, 3), [0, 1, 1]);
    guest.write(AT + 3 * PAGE, 1).unwrap();
    assert_eq!(keys(&guest, 4), [0, 1, 1, 1], "pages that come later too");
    guest.mprotect(AT, 4 * PAGE, Prot::READ).unwrap();
    assert_eq!(keys(&guest, 4), [0, 1, 1, 1], "mprotect leaves the key");
    let child = guest.fork().unwrap();
    guest.as_process(child, |guest| assert_eq!(keys(guest, 4), [0, 1, 1, 1]));
    assert_eq!(guest.run(|mm, _| mm.pkey_free(1)), Ok(()));
    assert_eq!(guest.run(|mm, _| mm.pkey_free(1)), Err(Errno::EINVAL));
    assert_eq!(guest.mm().vmas().count(), 2, "the key keeps mappings apart");
    guest.exit();
}

#[test]
fn memory_to_execute_only_has_a_key_of_its_own() {
    let mut guest = Guest::new();
    let mut ctx = registers();
    guest.run(|mm, _| mm.enable_pkeys());
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    guest.run(|mm, _| mm.prepare_execute_only(&mut ctx, Prot::EXEC));
    guest.mprotect(AT, PAGE, Prot::EXEC).unwrap();
    assert_eq!((keys(&guest, 1), ctx.pkru >> 2 & 3), (vec![1], 1), "no data by key 1");
    guest.mprotect(AT, PAGE, RW).unwrap();
    assert_eq!(keys(&guest, 1), [0]);
    assert_eq!(guest.run(|mm, _| mm.pkey_free(1)), Err(Errno::EINVAL), "it is not the program's");
    guest.exit();
}

#[test]
fn without_keys_in_the_processor_there_are_none() {
    let mut guest = Guest::new();
    let mut ctx = registers();
    assert_eq!(guest.run(|mm, _| mm.pkey_alloc(&mut ctx, 0)), Err(Errno::ENOSPC));
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    let protect = |guest: &mut Guest, key| guest.run(|mm, cx| mm.pkey_mprotect(cx, LinearAddr(AT), PAGE, RW, key));
    assert_eq!((protect(&mut guest, 0), protect(&mut guest, -1)), (Err(Errno::EINVAL), Ok(())));
    guest.run(|mm, _| mm.prepare_execute_only(&mut ctx, Prot::EXEC));
    guest.mprotect(AT, PAGE, Prot::EXEC).unwrap();
    assert_eq!(guest.mm().vmas().map(|vma| vma.flags.pkey()).max(), Some(0));
    guest.exit();
}

#[test]
fn what_the_kernel_layer_copies_obeys_the_keys_of_the_thread_during_a_call() {
    let mut guest = Guest::new();
    let mut ctx = registers();
    guest.run(|mm, _| mm.enable_pkeys());
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    let key = guest.run(|mm, _| mm.pkey_alloc(&mut ctx, 0)).unwrap();
    guest.run(|mm, cx| mm.pkey_mprotect(cx, LinearAddr(AT), PAGE, RW, key as i32)).unwrap();
    let copies = |guest: &mut Guest| {
        let read = guest.run(|mm, cx| mm.copy_from_user(cx, LinearAddr(AT), &mut [0])).is_ok();
        (read, guest.run(|mm, cx| mm.copy_to_user(cx, LinearAddr(AT), &[1])).is_ok())
    };
    for (pkru, expected) in [(0, (true, true)), (0b10 << (2 * key), (true, false)), (0b01 << (2 * key), (false, false))]
    {
        ctx.pkru = pkru;
        guest.run(|mm, _| mm.obey_user_keys(&ctx));
        assert_eq!(copies(&mut guest), expected, "{pkru:b}");
        guest.run(|mm, _| mm.forget_user_keys());
        assert_eq!(copies(&mut guest), (true, true));
    }
    guest.exit();
}
