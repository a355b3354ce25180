//! The forms under test, as machine code.

/// What the memory operand holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    None,
    Single,
    Double,
    Extended,
    Int16,
    Int32,
    Int64,
    Bcd,
    Control,
    /// An environment with fields of so many bytes.
    Environment(usize),
    /// An environment and registers.
    State(usize),
}

/// An instruction whose memory operand, if any, is at \[rdx\].
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) memory: Memory,
    /// It raises a pending exception.
    pub(crate) waits: bool,
    /// How results agree with silicon.
    pub(crate) agreement: Agreement,
}

/// How results agree with silicon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// To the bit.
    Exact,
    /// Within one unit in the last place where they are inexact; C1 may differ then.
    OneUlp,
}

fn memory(name: &str, opcode: u8, reg: u8, memory: Memory) -> Form {
    let name = format!("{name} {memory:?}");
    Form { name, bytes: vec![opcode, reg << 3 | 2], memory, waits: true, agreement: Agreement::Exact }
}

fn plain(name: &str, bytes: [u8; 2]) -> Form {
    Form { name: name.into(), bytes: bytes.to_vec(), memory: Memory::None, waits: true, agreement: Agreement::Exact }
}

/// ST(i) forms for some i.
fn registers(name: &str, opcode: u8, base: u8) -> impl Iterator<Item = Form> {
    let name = name.to_owned();
    [0, 1, 2, 5].into_iter().map(move |i| plain(&format!("{name} st({i})"), [opcode, base + i]))
}

pub(crate) fn arithmetic() -> Vec<Form> {
    let mut forms = Vec::new();
    let ops = [("add", 0), ("mul", 1), ("sub", 4), ("subr", 5), ("div", 6), ("divr", 7)];
    for (op, reg) in ops {
        let sizes = [(0xd8, Memory::Single), (0xdc, Memory::Double), (0xda, Memory::Int32), (0xde, Memory::Int16)];
        forms.extend(sizes.map(|(opcode, size)| memory(&format!("f{op}"), opcode, reg, size)));
        // In the forms to ST(i) the encodings of FSUB and FSUBR, FDIV and FDIVR are exchanged.
        let reversed = if reg >= 4 { reg ^ 1 } else { reg };
        forms.extend(registers(&format!("f{op} st0,"), 0xd8, 0xc0 + 8 * reg));
        forms.extend(registers(&format!("f{op} ,st0"), 0xdc, 0xc0 + 8 * reversed));
        forms.extend(registers(&format!("f{op}p ,st0"), 0xde, 0xc0 + 8 * reversed));
    }
    forms
}

pub(crate) fn comparisons() -> Vec<Form> {
    let mut forms = Vec::new();
    for (op, reg) in [("fcom", 2), ("fcomp", 3)] {
        let sizes = [(0xd8, Memory::Single), (0xdc, Memory::Double), (0xda, Memory::Int32), (0xde, Memory::Int16)];
        forms.extend(sizes.map(|(opcode, size)| memory(op, opcode, reg, size)));
        forms.extend(registers(op, 0xd8, 0xc0 + 8 * reg));
    }
    let others = [
        ("fcom (alias)", 0xdc, 0xd0),
        ("fcomp (alias)", 0xdc, 0xd8),
        ("fcomp (alias 2)", 0xde, 0xd0),
        ("fucom", 0xdd, 0xe0),
        ("fucomp", 0xdd, 0xe8),
        ("fucomi", 0xdb, 0xe8),
        ("fcomi", 0xdb, 0xf0),
        ("fucomip", 0xdf, 0xe8),
        ("fcomip", 0xdf, 0xf0),
    ];
    forms.extend(others.into_iter().flat_map(|(name, opcode, base)| registers(name, opcode, base)));
    forms.extend([("fcompp", [0xde, 0xd9]), ("fucompp", [0xda, 0xe9])].map(|(n, b)| plain(n, b)));
    forms.extend([("ftst", [0xd9, 0xe4]), ("fxam", [0xd9, 0xe5])].map(|(n, b)| plain(n, b)));
    forms
}

pub(crate) fn functions() -> Vec<Form> {
    let ops = [
        ("fchs", 0xe0),
        ("fabs", 0xe1),
        ("fxtract", 0xf4),
        ("fprem1", 0xf5),
        ("fprem", 0xf8),
        ("fsqrt", 0xfa),
        ("frndint", 0xfc),
        ("fscale", 0xfd),
    ];
    ops.map(|(name, second)| plain(name, [0xd9, second])).to_vec()
}

pub(crate) fn transcendental() -> Vec<Form> {
    let ops = [
        ("f2xm1", 0xf0),
        ("fyl2x", 0xf1),
        ("fptan", 0xf2),
        ("fpatan", 0xf3),
        ("fyl2xp1", 0xf9),
        ("fsincos", 0xfb),
        ("fsin", 0xfe),
        ("fcos", 0xff),
    ];
    ops.map(|(name, second)| Form { agreement: Agreement::OneUlp, ..plain(name, [0xd9, second]) }).to_vec()
}

pub(crate) fn moves() -> Vec<Form> {
    let mut forms = vec![
        memory("fld", 0xd9, 0, Memory::Single),
        memory("fld", 0xdd, 0, Memory::Double),
        memory("fld", 0xdb, 5, Memory::Extended),
        memory("fild", 0xdf, 0, Memory::Int16),
        memory("fild", 0xdb, 0, Memory::Int32),
        memory("fild", 0xdf, 5, Memory::Int64),
        memory("fbld", 0xdf, 4, Memory::Bcd),
        memory("fst", 0xd9, 2, Memory::Single),
        memory("fst", 0xdd, 2, Memory::Double),
        memory("fstp", 0xd9, 3, Memory::Single),
        memory("fstp", 0xdd, 3, Memory::Double),
        memory("fstp", 0xdb, 7, Memory::Extended),
        memory("fist", 0xdf, 2, Memory::Int16),
        memory("fist", 0xdb, 2, Memory::Int32),
        memory("fistp", 0xdf, 3, Memory::Int16),
        memory("fistp", 0xdb, 3, Memory::Int32),
        memory("fistp", 0xdf, 7, Memory::Int64),
        memory("fbstp", 0xdf, 6, Memory::Bcd),
        memory("fisttp", 0xdf, 1, Memory::Int16),
        memory("fisttp", 0xdb, 1, Memory::Int32),
        memory("fisttp", 0xdd, 1, Memory::Int64),
    ];
    let names = ["fld1", "fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2", "fldz"];
    forms.extend(names.into_iter().zip(0xe8..).map(|(name, second)| plain(name, [0xd9, second])));
    let of_registers = [
        ("fld", 0xd9, 0xc0),
        ("fxch", 0xd9, 0xc8),
        ("fxch (alias)", 0xdd, 0xc8),
        ("fxch (alias 2)", 0xdf, 0xc8),
        ("fst", 0xdd, 0xd0),
        ("fstp", 0xdd, 0xd8),
        ("fstp (alias)", 0xdf, 0xd0),
        ("fstpnce", 0xd9, 0xd8),
        ("fstp (alias 2)", 0xdf, 0xd8),
        ("ffree", 0xdd, 0xc0),
        ("ffreep", 0xdf, 0xc0),
        ("fcmovb", 0xda, 0xc0),
        ("fcmove", 0xda, 0xc8),
        ("fcmovbe", 0xda, 0xd0),
        ("fcmovu", 0xda, 0xd8),
        ("fcmovnb", 0xdb, 0xc0),
        ("fcmovne", 0xdb, 0xc8),
        ("fcmovnbe", 0xdb, 0xd0),
        ("fcmovnu", 0xdb, 0xd8),
    ];
    forms.extend(of_registers.into_iter().flat_map(|(name, opcode, base)| registers(name, opcode, base)));
    forms.extend([("fdecstp", [0xd9, 0xf6]), ("fincstp", [0xd9, 0xf7])].map(|(n, b)| plain(n, b)));
    forms
}

pub(crate) fn control() -> Vec<Form> {
    let silent = |form: Form| Form { waits: false, ..form };
    let short = |form: Form| Form { bytes: [&[0x66], &form.bytes[..]].concat(), ..form };
    vec![
        Form {
            name: "fwait".into(),
            bytes: vec![0x9b],
            memory: Memory::None,
            waits: true,
            agreement: Agreement::Exact,
        },
        plain("fnop", [0xd9, 0xd0]),
        silent(plain("fneni", [0xdb, 0xe0])),
        silent(plain("fndisi", [0xdb, 0xe1])),
        silent(plain("fnsetpm", [0xdb, 0xe4])),
        silent(plain("fninit", [0xdb, 0xe3])),
        silent(plain("fnclex", [0xdb, 0xe2])),
        silent(plain("fnstsw ax", [0xdf, 0xe0])),
        memory("fldcw", 0xd9, 5, Memory::Control),
        silent(memory("fnstcw", 0xd9, 7, Memory::Int16)),
        silent(memory("fnstsw", 0xdd, 7, Memory::Int16)),
        silent(memory("fnstenv", 0xd9, 6, Memory::Environment(4))),
        silent(short(memory("fnstenv", 0xd9, 6, Memory::Environment(2)))),
        memory("fldenv", 0xd9, 4, Memory::Environment(4)),
        short(memory("fldenv", 0xd9, 4, Memory::Environment(2))),
        silent(memory("fnsave", 0xdd, 6, Memory::State(4))),
        silent(short(memory("fnsave", 0xdd, 6, Memory::State(2)))),
        memory("frstor", 0xdd, 4, Memory::State(4)),
        short(memory("frstor", 0xdd, 4, Memory::State(2))),
    ]
}

pub(crate) fn all() -> Vec<Form> {
    [arithmetic(), comparisons(), functions(), transcendental(), moves(), control()].concat()
}
