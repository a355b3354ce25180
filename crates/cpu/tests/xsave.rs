//! XSAVE, XSAVEOPT, XSAVEC and XRSTOR against silicon: the bytes that are written, and the state that is restored, for every
//! choice of components.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(unreachable_pub, dead_code, reason = "modules shared by test files")]

mod common;
#[path = "silicon/guest.rs"]
mod guest;

use arch::xstate::{Save, XFeatures, XState};
use arch::{Features, Gpr, XsaveImage};
use common::Rng;
use guest::{DATA, Fault, Guest, Page};
use std::arch::naked_asm;

const ALL: XFeatures = XFeatures::X87.union(XFeatures::SSE).union(XFeatures::AVX);
/// XSAVE64, XSAVEOPT64, XSAVEC64 and XRSTOR64 of \[RDI\].
const XSAVE: [&[u8]; 3] = [&[0x48, 0x0f, 0xae, 0x27], &[0x48, 0x0f, 0xae, 0x37], &[0x48, 0x0f, 0xc7, 0x27]];
const XRSTOR: &[u8] = &[0x48, 0x0f, 0xae, 0x2f];
const SAVES: [Save; 3] = [Save::All, Save::Optimised, Save::Compacted];

#[repr(C, align(64))]
#[derive(Clone)]
struct Area([u8; 1024]);

/// Loads the state of the first image (standard form, all three components), executes one of the four instructions on the
/// third area with the mask in EDX, saves the state into the second and puts back the caller's.
#[unsafe(naked)]
unsafe extern "C" fn enter(start: *const Area, end: *mut Area, mask: u64, area: *mut Area, which: u64, own: *mut Area) {
    naked_asm!(
        "push rbx",
        "mov r10, rdx",
        "mov r11, rdi",
        "mov rbx, rcx",
        "xor edx, edx",
        "mov eax, 7",
        "xsave64 [r9]",
        "xrstor64 [r11]",
        "mov eax, r10d",
        "mov rdi, rbx",
        "test r8, r8",
        "je 2f",
        "cmp r8, 1",
        "je 3f",
        "cmp r8, 2",
        "je 4f",
        "xrstor64 [rdi]",
        "jmp 5f",
        "2: xsave64 [rdi]",
        "jmp 5f",
        "3: xsaveopt64 [rdi]",
        "jmp 5f",
        "4: xsavec64 [rdi]",
        "5: mov eax, 7",
        "xsave64 [rsi]",
        "xrstor64 [r9]",
        "pop rbx",
        "ret",
    )
}

fn native_is_comparable() -> bool {
    common::native::is_intel() && std::is_x86_feature_detected!("avx") && std::is_x86_feature_detected!("xsavec")
}

/// An image of the standard form. Components that are in their initial configuration are not marked in use.
fn standard(state: &XState) -> Area {
    let mut area = Area([0; 1024]);
    for (at, bytes) in state.save(ALL, Save::All, 0) {
        area.0[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    area
}

/// Some components random, some initial.
fn random(rng: &mut Rng) -> XState {
    let mut state = XState::default();
    if rng.one_in(2) {
        state.legacy.0[0..2].copy_from_slice(&[0x7f, rng.below(16) as u8]);
        state.legacy.0[3] = (rng.below(8) << 3) as u8;
        state.legacy.0[4] = rng.next() as u8;
        for n in 0..8 {
            let at = XsaveImage::ST0 + 16 * n;
            state.legacy.0[at..at + 8].copy_from_slice(&rng.next().to_le_bytes());
            state.legacy.0[at + 8..at + 10].copy_from_slice(&(rng.next() as u16).to_le_bytes());
        }
    }
    if rng.one_in(2) {
        state.legacy.0[XsaveImage::XMM0..XsaveImage::XMM0 + 256].fill_with(|| rng.next() as u8);
    }
    if rng.one_in(2) {
        state.legacy.0[XsaveImage::MXCSR] = 0xa0 | rng.below(64) as u8;
    }
    if rng.one_in(2) {
        state.ymm_high.fill_with(|| u128::from(rng.next()) << 64 | u128::from(rng.next()));
    }
    state
}

/// Runs one on this machine's processor: the area afterwards, and the state.
fn native(start: &XState, mask: u64, area: &Area, which: u64) -> (Area, Area) {
    let (start, mut end, mut area, mut own) = (standard(start), Area([0; 1024]), area.clone(), Area([0; 1024]));
    // SAFETY: all areas are aligned and larger than an image with the three components.
    unsafe { enter(&start, &mut end, mask, &mut area, which, &mut own) };
    (area, end)
}

/// Runs one on the core.
fn core(start: &XState, mask: u64, area: &Area, code: &[u8]) -> (Option<Fault>, Guest) {
    let mut guest = Guest::new(code, &[Page::Ok]);
    guest.put(0, 0, &area.0);
    guest.ctx.set_xstate(start.clone());
    guest.ctx.set_reg(Gpr::Rax, mask);
    guest.ctx.set_reg(Gpr::Rdi, DATA);
    (guest.run(1), guest)
}

#[test]
fn what_is_saved_is_what_silicon_saves() {
    if !native_is_comparable() {
        return eprintln!("not compared: another vendor's processor, or an older one");
    }
    let mut rng = Rng(21);
    for round in 0..600 {
        let (start, mask, which) = (random(&mut rng), rng.below(8), rng.below(3));
        let mut area = Area([0xcc; 1024]);
        area.0[512..576].fill(0);
        area.0[512] = rng.below(8) as u8;
        let (want, _) = native(&start, mask, &area, which);
        let (fault, guest) = core(&start, mask, &area, XSAVE[which as usize]);
        assert_eq!(fault, None);
        let got = guest.bytes(0);
        for (at, (got, want)) in got.iter().zip(&want.0).enumerate() {
            assert_eq!(got, want, "round {round}, {:?}, mask {mask}, byte {at}: {start:?}", SAVES[which as usize]);
        }
    }
}

#[test]
fn what_is_restored_is_what_silicon_restores() {
    if !native_is_comparable() {
        return eprintln!("not compared: another vendor's processor, or an older one");
    }
    let mut rng = Rng(22);
    for round in 0..600 {
        let (start, saved, mask) = (random(&mut rng), random(&mut rng), rng.below(8));
        let mut area = Area([0; 1024]);
        let (save, held) = (SAVES[rng.below(3) as usize], XFeatures::from_bits_truncate(rng.below(8)));
        for (at, bytes) in saved.save(held, save, 0) {
            area.0[at..at + bytes.len()].copy_from_slice(&bytes);
        }
        let (_, want) = native(&start, mask, &area, 3);
        let (fault, guest) = core(&start, mask, &area, XRSTOR);
        assert_eq!(fault, None);
        let got = standard(&guest.cpu.context().xstate());
        for at in (0..512).chain(576..832) {
            assert_eq!(got.0[at], want.0[at], "round {round}, {save:?}, mask {mask}, holds {held:?}, byte {at}");
        }
    }
}

#[test]
fn images_that_are_none_raise_gp() {
    let gp = Some((13, 0));
    let image = standard(&random(&mut Rng(1)));
    let with = |changes: &[(usize, u8)]| {
        let mut area = image.clone();
        changes.iter().for_each(|&(at, byte)| area.0[at] = byte);
        core(&XState::default(), u64::MAX, &area, XRSTOR).0.map(|fault| (fault.trap, fault.err))
    };
    assert_eq!(with(&[]), None);
    assert_eq!(with(&[(512, 8)]), gp, "a component that there is not");
    assert_eq!(with(&[(520, 1)]), gp, "XCOMP_BV of the standard form");
    assert_eq!(with(&[(528, 1)]), gp, "reserved");
    assert_eq!(with(&[(536, 1)]), None, "not looked at in the standard form");
    assert_eq!(with(&[(26, 1)]), gp, "MXCSR");
    assert_eq!(with(&[(527, 0x80), (520, 3), (512, 7)]), gp, "not among the compacted ones");
    assert_eq!(with(&[(527, 0x80), (520, 7), (575, 1)]), gp, "reserved in the compacted form");
    for code in XSAVE.into_iter().chain([XRSTOR]) {
        let mut guest = Guest::new(code, &[Page::Ok]);
        guest.ctx.set_reg(Gpr::Rdi, DATA + 32);
        assert_eq!(guest.run(1).map(|fault| (fault.trap, fault.err)), gp, "{code:x?}");
    }
}

#[test]
fn xgetbv_tells_what_is_there_and_in_use() {
    let xgetbv = |state: &XState, ecx: u64| {
        let mut guest = Guest::new(&[0x0f, 0x01, 0xd0], &[]);
        guest.ctx.set_xstate(state.clone());
        guest.ctx.set_reg(Gpr::Rcx, ecx);
        match guest.run(1) {
            None => Ok(guest.cpu.context().reg(Gpr::Rax)),
            Some(fault) => Err(fault.trap),
        }
    };
    let state = XState { ymm_high: [1; 16], ..XState::default() };
    assert_eq!(xgetbv(&state, 0), Ok(7));
    assert_eq!(xgetbv(&state, 1), Ok(4));
    assert_eq!(xgetbv(&state, 2), Err(13));
}

#[test]
fn the_state_of_protection_keys_is_there_if_they_are() {
    const WRPKRU: &[u8] = &[0x0f, 0x01, 0xef];
    let mut guest = Guest::of(Features::all(), WRPKRU, &[]);
    guest.ctx.gpr[0] = 0xfff0_0000;
    assert_eq!(guest.run(1), None);
    assert_eq!(guest.cpu.context().pkru, 0xfff0_0000);
    let without = Guest::new(WRPKRU, &[]).run(1);
    assert_eq!(without.map(|fault| fault.trap), Some(6));
}
