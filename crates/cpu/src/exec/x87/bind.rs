//! Which function executes an x87 instruction.
//!
//! The waiting forms (FSTCW, FINIT, ...) are no instructions of their own: they are FWAIT and the form without wait.

use super::arith::{Add, Div, DivReverse, Mul, Sub, SubReverse};
use super::compare::{Ordered, Unordered};
use super::compute::{
    Abs, ChangeSign, RoundToInteger, SquareRoot, binary, binary_memory, comparison, comparison_flags,
    comparison_memory, examine, extract, remainder, scale, test, unary,
};
use super::control::{self, Doublewords, Words};
use super::convert::{Double, Int16, Int32, Int64, Single};
use super::functions::{self, Angle, YLog2, YLog2Plus1};
use super::partial::{Nearest, Truncate};
use super::stack;
use crate::bind::to;
use crate::op::{Handler, Op};
use decode::{Code as C, Insn, Operand};
use paging::HardwareModel;

/// Binds an x87 instruction. False if it is none that the core knows.
pub(crate) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    if let Operand::St(n) = insn.ops[0] {
        op.dst = n;
        op.src = n;
    }
    if let Operand::St(n) = insn.ops[1] {
        op.src = n;
    }
    op.imm = u64::from(insn.x87_opcode);
    let found = arithmetic(insn.code)
        .or_else(|| comparisons(insn.code, op))
        .or_else(|| moves(insn.code))
        .or_else(|| constants(insn.code, op))
        .or_else(|| conditional_moves(insn.code, op))
        .or_else(|| controls(insn.code));
    found.is_some_and(|run| to(op, run))
}

fn arithmetic<H: HardwareModel>(code: C) -> Option<Handler<H>> {
    /// The seven forms of an operation.
    macro_rules! forms {
        ($($op:ident: $m32:ident $m64:ident $i16:ident $i32:ident $st0:ident $sti:ident $pop:ident;)*) => {
            match code {
                $(
                    C::$m32 => binary_memory::<H, $op, Single>,
                    C::$m64 => binary_memory::<H, $op, Double>,
                    C::$i16 => binary_memory::<H, $op, Int16>,
                    C::$i32 => binary_memory::<H, $op, Int32>,
                    C::$st0 | C::$sti => binary::<H, $op, 0>,
                    C::$pop => binary::<H, $op, 1>,
                )*
                _ => return functions(code),
            }
        };
    }
    Some(forms! {
        Add: Fadd_m32fp Fadd_m64fp Fiadd_m16int Fiadd_m32int Fadd_st0_sti Fadd_sti_st0 Faddp_sti_st0;
        Mul: Fmul_m32fp Fmul_m64fp Fimul_m16int Fimul_m32int Fmul_st0_sti Fmul_sti_st0 Fmulp_sti_st0;
        Sub: Fsub_m32fp Fsub_m64fp Fisub_m16int Fisub_m32int Fsub_st0_sti Fsub_sti_st0 Fsubp_sti_st0;
        SubReverse: Fsubr_m32fp Fsubr_m64fp Fisubr_m16int Fisubr_m32int Fsubr_st0_sti Fsubr_sti_st0 Fsubrp_sti_st0;
        Div: Fdiv_m32fp Fdiv_m64fp Fidiv_m16int Fidiv_m32int Fdiv_st0_sti Fdiv_sti_st0 Fdivp_sti_st0;
        DivReverse: Fdivr_m32fp Fdivr_m64fp Fidivr_m16int Fidivr_m32int Fdivr_st0_sti Fdivr_sti_st0 Fdivrp_sti_st0;
    })
}

/// Functions of ST(0), and of ST(0) and ST(1).
fn functions<H: HardwareModel>(code: C) -> Option<Handler<H>> {
    Some(match code {
        C::Fsqrt => unary::<H, SquareRoot>,
        C::Frndint => unary::<H, RoundToInteger>,
        C::Fabs => unary::<H, Abs>,
        C::Fchs => unary::<H, ChangeSign>,
        C::Fprem => remainder::<H, Truncate>,
        C::Fprem1 => remainder::<H, Nearest>,
        C::Fscale => scale::<H>,
        C::Fxtract => extract::<H>,
        C::Fsin => functions::sine::<H>,
        C::Fcos => functions::cosine::<H>,
        C::Fsincos => functions::sine_and_cosine::<H>,
        C::Fptan => functions::tangent::<H>,
        C::Fpatan => functions::binary::<H, Angle>,
        C::F2xm1 => functions::exp2_minus_1::<H>,
        C::Fyl2x => functions::binary::<H, YLog2>,
        C::Fyl2xp1 => functions::binary::<H, YLog2Plus1>,
        _ => return None,
    })
}

fn comparisons<H: HardwareModel>(code: C, op: &mut Op<H>) -> Option<Handler<H>> {
    if matches!(code, C::Fcompp | C::Fucompp) {
        op.src = 1;
    }
    Some(match code {
        C::Fcom_st0_sti | C::Fcom_st0_sti_DCD0 => comparison::<H, Ordered, 0>,
        C::Fcomp_st0_sti | C::Fcomp_st0_sti_DCD8 | C::Fcomp_st0_sti_DED0 => comparison::<H, Ordered, 1>,
        C::Fcompp => comparison::<H, Ordered, 2>,
        C::Fucom_st0_sti => comparison::<H, Unordered, 0>,
        C::Fucomp_st0_sti => comparison::<H, Unordered, 1>,
        C::Fucompp => comparison::<H, Unordered, 2>,
        C::Fcomi_st0_sti => comparison_flags::<H, Ordered, 0>,
        C::Fcomip_st0_sti => comparison_flags::<H, Ordered, 1>,
        C::Fucomi_st0_sti => comparison_flags::<H, Unordered, 0>,
        C::Fucomip_st0_sti => comparison_flags::<H, Unordered, 1>,
        C::Fcom_m32fp => comparison_memory::<H, Single, 0>,
        C::Fcom_m64fp => comparison_memory::<H, Double, 0>,
        C::Ficom_m16int => comparison_memory::<H, Int16, 0>,
        C::Ficom_m32int => comparison_memory::<H, Int32, 0>,
        C::Fcomp_m32fp => comparison_memory::<H, Single, 1>,
        C::Fcomp_m64fp => comparison_memory::<H, Double, 1>,
        C::Ficomp_m16int => comparison_memory::<H, Int16, 1>,
        C::Ficomp_m32int => comparison_memory::<H, Int32, 1>,
        C::Ftst => test::<H>,
        C::Fxam => examine::<H>,
        _ => return None,
    })
}

fn moves<H: HardwareModel>(code: C) -> Option<Handler<H>> {
    Some(match code {
        C::Fld_m32fp => stack::load::<H, Single>,
        C::Fld_m64fp => stack::load::<H, Double>,
        C::Fild_m16int => stack::load::<H, Int16>,
        C::Fild_m32int => stack::load::<H, Int32>,
        C::Fild_m64int => stack::load::<H, Int64>,
        C::Fld_m80fp => stack::load_extended::<H>,
        C::Fbld_m80bcd => stack::load_bcd::<H>,
        C::Fld_sti => stack::load_register::<H>,
        C::Fst_m32fp => stack::store::<H, Single, 0>,
        C::Fst_m64fp => stack::store::<H, Double, 0>,
        C::Fist_m16int => stack::store::<H, Int16, 0>,
        C::Fist_m32int => stack::store::<H, Int32, 0>,
        C::Fstp_m32fp => stack::store::<H, Single, 1>,
        C::Fstp_m64fp => stack::store::<H, Double, 1>,
        C::Fistp_m16int => stack::store::<H, Int16, 1>,
        C::Fistp_m32int => stack::store::<H, Int32, 1>,
        C::Fistp_m64int => stack::store::<H, Int64, 1>,
        C::Fisttp_m16int => stack::store_truncated::<H, Int16>,
        C::Fisttp_m32int => stack::store_truncated::<H, Int32>,
        C::Fisttp_m64int => stack::store_truncated::<H, Int64>,
        C::Fstp_m80fp => stack::store_extended::<H>,
        C::Fbstp_m80bcd => stack::store_bcd::<H>,
        C::Fst_sti => stack::store_register::<H, 0>,
        C::Fstp_sti | C::Fstp_sti_DFD0 | C::Fstp_sti_DFD8 => stack::store_register::<H, 1>,
        C::Fstpnce_sti => stack::store_register_or_pop::<H>,
        C::Fxch_st0_sti | C::Fxch_st0_sti_DDC8 | C::Fxch_st0_sti_DFC8 => stack::exchange::<H>,
        C::Ffree_sti => stack::free::<H, 0>,
        C::Ffreep_sti => stack::free::<H, 1>,
        C::Fincstp => stack::rotate::<H, 1>,
        C::Fdecstp => stack::rotate::<H, 7>,
        _ => return None,
    })
}

fn constants<H: HardwareModel>(code: C, op: &mut Op<H>) -> Option<Handler<H>> {
    let order = [C::Fld1, C::Fldl2t, C::Fldl2e, C::Fldpi, C::Fldlg2, C::Fldln2, C::Fldz];
    op.aux = order.iter().position(|&c| c == code)? as u8;
    Some(stack::load_constant::<H>)
}

fn conditional_moves<H: HardwareModel>(code: C, op: &mut Op<H>) -> Option<Handler<H>> {
    op.aux = match code {
        C::Fcmovb_st0_sti => 2,
        C::Fcmovnb_st0_sti => 3,
        C::Fcmove_st0_sti => 4,
        C::Fcmovne_st0_sti => 5,
        C::Fcmovbe_st0_sti => 6,
        C::Fcmovnbe_st0_sti => 7,
        C::Fcmovu_st0_sti => 10,
        C::Fcmovnu_st0_sti => 11,
        _ => return None,
    };
    Some(stack::conditional_move::<H>)
}

fn controls<H: HardwareModel>(code: C) -> Option<Handler<H>> {
    Some(match code {
        C::Wait => control::wait::<H>,
        C::Fnop => control::no_operation::<H>,
        C::Fneni | C::Fndisi | C::Fnsetpm => control::ignored::<H>,
        C::Fninit => control::init::<H>,
        C::Fnclex => control::clear_exceptions::<H>,
        C::Fldcw_m2byte => control::load_control::<H>,
        C::Fnstcw_m2byte => control::store_control::<H>,
        C::Fnstsw_m2byte => control::store_status::<H>,
        C::Fnstsw_AX => control::status_to_ax::<H>,
        C::Fnstenv_m14byte => control::store_environment::<H, Words>,
        C::Fnstenv_m28byte => control::store_environment::<H, Doublewords>,
        C::Fldenv_m14byte => control::load_environment::<H, Words>,
        C::Fldenv_m28byte => control::load_environment::<H, Doublewords>,
        C::Fnsave_m94byte => control::save::<H, Words>,
        C::Fnsave_m108byte => control::save::<H, Doublewords>,
        C::Frstor_m94byte => control::restore::<H, Words>,
        C::Frstor_m108byte => control::restore::<H, Doublewords>,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_form_is_fwait_and_another_instruction() {
        for bytes in [[0x9b, 0xd9, 0x3a], [0x9b, 0xdb, 0xe3], [0x9b, 0xdf, 0xe0]] {
            let insn = decode::decode(&bytes, 0, arch::Features::V3).unwrap();
            assert_eq!((insn.code, insn.info.length), (C::Wait, 1));
        }
    }
}
