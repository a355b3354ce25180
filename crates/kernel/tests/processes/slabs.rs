//! What processes take of RAM beside their pages: kernel stacks, and slabs that are shared.

use crate::common::Rig;
use crate::common::processes::{ANY, FIRST, nr};
use pagewalk_kernel::mm::frames::FrameUse;

fn frames(rig: &Rig) -> [u64; 2] {
    [FrameUse::KernelStack, FrameUse::Slab].map(|usage| rig.kernel.frames().used_for(usage))
}

#[test]
fn a_process_takes_a_stack_and_its_share_of_slabs() {
    let mut rig = Rig::new();
    rig.call(nr::SCHED_YIELD, &[]);
    let [stack, slabs] = frames(&rig);
    assert_eq!(stack, 4, "16 KiB");
    let free = rig.kernel.frames().free_frames();
    let children: Vec<u64> = (0..9).map(|_| rig.fork()).collect();
    let [stacks, with_children] = frames(&rig);
    assert_eq!(stacks, 40);
    assert!(with_children >= slabs + 8, "10 processes are two slabs of task_struct: {slabs} and {with_children}");
    for child in children {
        rig.turn_to(child);
        rig.exit(0);
    }
    rig.turn_to(FIRST);
    assert_eq!(frames(&rig)[0], 40, "a zombie has its stack until it is waited for");
    for _ in 0..9 {
        assert!(rig.call(nr::WAIT4, &[ANY, 0, 0, 0]) > 0);
    }
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!(frames(&rig), [stack, slabs]);
    assert_eq!(rig.kernel.frames().free_frames(), free);
}
