//! Disassembly for people, in Intel's syntax.

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter};

/// The instruction at the start of `bytes`, which lies at linear address `rip`, and its length in bytes; `(bad)` and 1 if
/// there is none.
#[must_use]
pub fn disassemble(bytes: &[u8], rip: arch::LinearAddr) -> (String, usize) {
    let mut decoder = Decoder::with_ip(64, bytes, rip.0, DecoderOptions::NONE);
    let mut insn = Instruction::default();
    decoder.decode_out(&mut insn);
    if insn.is_invalid() {
        return ("(bad)".into(), 1);
    }
    let mut text = String::new();
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_hex_prefix("0x");
    formatter.options_mut().set_hex_suffix("");
    formatter.options_mut().set_uppercase_hex(false);
    formatter.options_mut().set_branch_leading_zeros(false);
    formatter.options_mut().set_show_branch_size(false);
    formatter.format(&insn, &mut text);
    (text, insn.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::LinearAddr;

    #[test]
    fn disassembles_in_intel_syntax() {
        let (text, len) = disassemble(&[0x48, 0x8b, 0x44, 0x24, 0x08], LinearAddr(0x1000));
        assert_eq!((text.as_str(), len), ("mov rax, [rsp+8]", 5));
        assert_eq!(disassemble(&[0x75, 0x0e], LinearAddr(0x40_1000)).0, "jne 0x401010");
        assert_eq!(disassemble(&[0x06], LinearAddr(0)).0, "(bad)");
    }
}
