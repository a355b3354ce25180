//! Which encodings the integer instructions have.

use iced_x86::{Code, ConditionCode, EncodingKind, Mnemonic, OpCodeOperandKind as Kind};

/// What the core executes of the integer set, branches and system instructions apart.
pub fn is_tested(m: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(
        m,
        Add | Or
            | Adc
            | Sbb
            | And
            | Sub
            | Xor
            | Cmp
            | Test
            | Inc
            | Dec
            | Neg
            | Not
            | Shl
            | Sal
            | Shr
            | Sar
            | Rol
            | Ror
            | Rcl
            | Rcr
            | Shld
            | Shrd
            | Bt
            | Bts
            | Btr
            | Btc
            | Bsf
            | Bsr
            | Mul
            | Imul
            | Div
            | Idiv
            | Mov
            | Movzx
            | Movsx
            | Movsxd
            | Lea
            | Xchg
            | Cmpxchg
            | Xadd
            | Cmpxchg8b
            | Bswap
            | Cbw
            | Cwde
            | Cdqe
            | Cwd
            | Cdq
            | Cqo
            | Lahf
            | Sahf
            | Clc
            | Stc
            | Cmc
            | Cld
            | Std
            | Push
            | Pop
            | Pushfq
            | Popfq
            | Leave
            | Enter
            | Xlatb
            | Movsb
            | Movsw
            | Movsd
            | Movsq
            | Stosb
            | Stosw
            | Stosd
            | Stosq
            | Lodsb
            | Lodsw
            | Lodsd
            | Lodsq
            | Scasb
            | Scasw
            | Scasd
            | Scasq
            | Cmpsb
            | Cmpsw
            | Cmpsd
            | Cmpsq
            | Nop
            | Pushf
            | Popf
            | Cmpxchg16b
            | Tzcnt
            | Lzcnt
            | Popcnt
            | Crc32
            | Movbe
            | Adcx
            | Adox
            | Andn
            | Bextr
            | Blsi
            | Blsmsk
            | Blsr
            | Bzhi
            | Mulx
            | Pdep
            | Pext
            | Rorx
            | Sarx
            | Shlx
            | Shrx
            | Clflushopt
            | Clwb
    )
}

/// System instructions: most raise an exception, so they make poor parts of a program.
pub fn is_system(m: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(
        m,
        Verr | Verw
            | Lar
            | Lsl
            | Sldt
            | Str
            | Smsw
            | Hlt
            | Cli
            | Sti
            | Clts
            | Invd
            | Wbinvd
            | Wbnoinvd
            | Invlpg
            | Invpcid
            | In
            | Out
            | Insb
            | Insw
            | Insd
            | Outsb
            | Outsw
            | Outsd
            | Rdmsr
            | Wrmsr
            | Rdpmc
            | Swapgs
            | Lgdt
            | Lidt
            | Lldt
            | Ltr
            | Lmsw
            | Sysret
            | Sysretq
            | Sysexit
            | Sysexitq
            | Monitor
            | Mwait
            | Stac
            | Clac
            | Getsec
            | Encls
            | Rsm
            | Ud0
            | Ud1
            | Ud2
            | Int1
            | Retf
            | Iret
            | Iretd
            | Iretq
            | Lss
            | Lgs
    )
}

/// The encodings that random programs are made of.
pub fn program_codes() -> impl Iterator<Item = Code> {
    codes().filter(|&code| {
        let far = matches!(code, Code::Jmp_m1616 | Code::Jmp_m1632 | Code::Jmp_m1664)
            || matches!(code, Code::Call_m1616 | Code::Call_m1632 | Code::Call_m1664);
        let info = code.op_code();
        let odd = |kind| matches!(kind, Kind::seg_reg | Kind::cr_reg | Kind::dr_reg | Kind::fs | Kind::gs);
        !far && !is_system(code.mnemonic()) && !(0..info.op_count()).any(|n| odd(info.op_kind(n)))
    })
}

pub fn is_branch(m: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(m, Jmp | Call | Ret | Loop | Loope | Loopne | Jrcxz | Jecxz)
}

/// The encodings of the integer instructions in 64-bit mode.
pub fn codes() -> impl Iterator<Item = Code> {
    Code::values().filter(|&code| {
        let info = code.op_code();
        let m = code.mnemonic();
        let conditional = code.condition_code() != ConditionCode::None;
        let odd = |kind| {
            use Kind::*;
            matches!(kind, tr_reg | xmm_reg | xmm_or_mem | mm_reg | farbr2_2 | farbr4_2)
        };
        matches!(info.encoding(), EncodingKind::Legacy | EncodingKind::VEX)
            && info.mode64()
            && info.is_instruction()
            && (is_tested(m) || is_system(m) || is_branch(m) || conditional)
            // FS is the test's own.
            && !matches!(code, Code::Popw_FS | Code::Popq_FS)
            && !(0..info.op_count()).any(|n| odd(info.op_kind(n)))
            && !format!("{code:?}").starts_with("Fcmov")
    })
}
