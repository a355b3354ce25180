//! Debian's `busybox-static`: the tools of it that need no second process.

use crate::compare::{HOST_PATH, Invocation, Lines, find_program};
use libtest_mimic::Trial;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// Arguments after `busybox`.
const COMMANDS: &[&[&str]] = &[
    // Hashes.
    &["md5sum", "text", "random", "empty"],
    &["sha1sum", "text", "random", "empty"],
    &["sha256sum", "text", "random", "missing"],
    &["sha512sum", "text", "random"],
    &["sha3sum", "random"],
    &["cksum", "text", "random", "empty"],
    &["crc32", "random"],
    // Compression.
    &["gzip", "-c", "text"],
    &["gzip", "-9", "-c", "random"],
    &["gunzip", "-c", "text.gz"],
    &["gunzip", "-t", "random"],
    &["bzip2", "-c", "text"],
    &["bunzip2", "-c", "text.bz2"],
    &["xz", "-d", "-c", "words.xz"],
    &["unxz", "-c", "words.xz"],
    &["xzcat", "random"],
    &["unlzma", "-c", "words.lzma"],
    &["lzop", "-c", "text"],
    // Archives.
    &["tar", "-t", "-f", "files.tar"],
    &["tar", "-t", "-v", "-f", "files.tar"],
    &["tar", "-x", "-O", "-f", "files.tar", "keys"],
    &["tar", "-c", "-f", "-", "text", "keys", "tree/link"],
    &["tar", "-c", "-f", "-", "keys", "missing"],
    // awk.
    &["awk", "{ n += $1; q += $1 * $1 } END { print n, q, n / NR, sqrt(q / NR) }", "numbers"],
    &[
        "awk",
        "-F,",
        "NR > 1 { sum[$2] += $3 * $4 } END { for (k in sum) printf \"%-10s %12.3f %e %g\\n\", k, sum[k], sum[k], sum[k] }",
        "table.csv",
    ],
    &["awk", "{ gsub(/[aeiou]+/, \"<&>\"); print toupper(substr($0, 1, 20)), length($0), match($0, /fault/) }", "text"],
    &[
        "awk",
        "BEGIN { for (i = 0; i < 20; i++) print i, sin(i), cos(i), exp(i), log(i + 1), atan2(i, 3), int(i * 1.7), i ^ 3, i % 7 }",
    ],
    &[
        "awk",
        "BEGIN { srand(7); for (i = 0; i < 5; i++) print rand(); printf \"%x %o %c %5.1f|%-8s|%+d %s\\n\", 255, 8, 65, 3.14159, \"ab\", 3, ENVIRON[\"LANG\"] }",
    ],
    &[
        "awk",
        "BEGIN { n = split(\"c,a,b\", v, \",\"); print n, v[1] v[2] v[3]; while ((getline line < \"keys\") > 0) print \"got \" line; exit 3 }",
    ],
    &["awk", "{ print", "text"],
    // sed.
    &["sed", "-e", "s/\\(walk\\) \\([a-z]*\\)/\\2 \\1/g", "-e", "5,10d", "text"],
    &["sed", "-n", "/fault/{=;p}", "text"],
    &["sed", "-E", "s/(^|[^a-z])([a-z])([a-z]*)/\\1\\3\\2ay/g; y/abc/xyz/; $!N; P; D", "text"],
    &["sed", "1~3s/ /_/2;20q", "text"],
    // sort, uniq, join of lines.
    &["sort", "text"],
    &["sort", "-n", "numbers"],
    &["sort", "-g", "-r", "numbers"],
    &["sort", "-k2,2", "-k1,1n", "keys"],
    &["sort", "-t,", "-k3,3nr", "-k2", "table.csv"],
    &["sort", "-u", "-f", "text"],
    &["sort", "-c", "text"],
    &["uniq", "-c", "keys"],
    &["paste", "-d:", "keys", "left"],
    &["shuf", "-e", "one"],
    // Cutting and reshaping.
    &["cut", "-d,", "-f2,4-", "table.csv"],
    &["cut", "-c1-5,10", "text"],
    &["expand", "-t", "4", "keys"],
    &["fold", "-w", "30", "-s", "text"],
    &["fold", "-w", "17", "text"],
    &["head", "-n", "5", "text", "numbers"],
    &["head", "-c", "100", "random"],
    &["tail", "-n", "+395", "text"],
    &["tail", "-c", "77", "text"],
    &["nl", "-b", "a", "keys"],
    &["rev", "text"],
    &["tac", "numbers"],
    &["cat", "-n", "text", "no-newline"],
    &["cat", "-v", "-e", "-t", "random"],
    &["cat", "missing", "keys", "tree"],
    &["wc", "text", "random", "empty", "no-newline"],
    &["split-is-no-applet"],
    &["dos2unix", "-u", "missing"],
    // Searching.
    &["grep", "-n", "-E", "(fault|walk) +[a-z]{2,4} ", "text"],
    &["grep", "-c", "-i", "tlb", "text"],
    &["grep", "-v", "-w", "-F", "page", "text"],
    &["grep", "-o", "-b", "stale [a-zA-Z]*", "text"],
    &["grep", "-q", "absent", "text"],
    &["grep", "a", "missing"],
    &["grep", "-E", "(", "text"],
    &["strings", "-n", "5", "random"],
    &["diff", "text", "edited"],
    &["diff", "-u", "-L", "old", "-L", "new", "text", "edited"],
    &["diff", "-q", "text", "text"],
    &["cmp", "text", "edited"],
    &["cmp", "-l", "random", "zeros"],
    // Bytes.
    &["od", "-A", "x", "-t", "x1z", "-N", "200", "random"],
    &["od", "-t", "f8", "-t", "d2", "-N", "64", "random"],
    &["od", "-c", "keys"],
    &["hexdump", "-C", "zeros"],
    &["hexdump", "-e", "\"%07.7_ax  \" 8/2 \"%04x \" \"\\n\"", "keys"],
    &["xxd", "-l", "100", "random"],
    &["xxd", "-p", "keys"],
    &["base64", "random"],
    &["uuencode", "keys", "name"],
    // Numbers and dates.
    &["seq", "-w", "1", "7", "100"],
    &["seq", "0.1", "0.3", "2"],
    &["seq", "5", "-2", "-5"],
    &["expr", "12", "*", "(", "7", "+", "5", ")", "%", "100"],
    &["expr", "abcdef", ":", "ab\\(.*\\)f"],
    &["expr", "1", "/", "0"],
    &["printf", "%5.2f|%-6s|%x|%c|%e|%s\\n", "3.14159", "ab", "255", "z", "12345.678", "end"],
    &["printf", "%d\\n", "word"],
    &["factor", "1234567890123", "97", "18446744073709551615"],
    &["dc", "-e", "20k 2 v p 3 4 ^ p 100 7 / p"],
    &["bc", "text"],
    &["date", "-u", "-d", "@1700000000"],
    &["date", "-u", "-d", "2024-02-29 12:34:56", "+%s %j %U %A %B %Y-%m-%dT%H:%M:%S"],
    &["date", "-d", "nonsense"],
    &["cal", "2024"],
    &["cal", "9", "1752"],
    &["ipcalc", "-b", "-n", "-m", "192.168.17.5/20"],
    // Files and the process.
    &["ls", "-l", "-d", "tree/a.txt", "tree/sub"],
    &["ls", "-l", "-n", "text", "random", "missing"],
    &["ls", "-R", "-1", "-F", "tree"],
    &["stat", "-c", "%n %s %a %A %F %h %u %g %b %B %Y %N", "text", "tree/link"],
    &["readlink", "-f", "tree/sub/../link"],
    &["realpath", "tree/./sub"],
    &["basename", "/usr/lib/libc.a", ".a"],
    &["dirname", "/usr/lib/libc.a"],
    &["pwd"],
    &["env"],
    &["id", "-u"],
    &["uname", "-m"],
    &["test", "text", "-nt", "random"],
    &["[", "-d", "tree", "-a", "-L", "tree/link", "]"],
    &["echo", "-e", "a\\tb\\x41\\n"],
    &["sum", "text"],
    &["true"],
    &["false"],
    &[
        "ash",
        "-c",
        "i=0; while [ $i -lt 50 ]; do i=$((i * 3 + 1)); echo \"$i ${i#1}\"; done; trap 'echo bye' EXIT; case $i in *0) exit 4;; *) kill -TERM $$;; esac",
    ],
    &[
        "ash",
        "-c",
        "set -- a 'b c' d; for x; do printf '<%s>' \"$x\"; done; f() { local y=$1; echo $((y << 3)); }; f 5; read line < keys; echo \"$line\"; exit 7",
    ],
];

/// Commands whose order of lines is that of a folder.
const UNORDERED: &[&[&str]] = &[
    &["find", "tree"],
    &["find", "tree", "-type", "f", "-name", "*.txt", "-size", "-2", "-print"],
    &["find", ".", "-maxdepth", "1", "-type", "f", "-newer", "random", "-mtime", "+2"],
    &["find", "tree", "(", "-type", "l", "-o", "-empty", ")", "-perm", "/444"],
    &["find", "missing", "-print0"],
    &["grep", "-r", "-n", "alpha", "tree"],
    &["tar", "-t", "-f", "tree.tar"],
];

/// Commands with something on standard input: the file, then the arguments.
const FILTERS: &[(&str, &[&str])] = &[
    ("text", &["tr", "a-z", "A-Z"]),
    ("text", &["tr", "-d", "-c", "[:alpha:]\\n"]),
    ("text", &["tr", "-s", " ", "\\n"]),
    ("dos", &["dos2unix"]),
    ("keys", &["unix2dos"]),
    ("text", &["sort", "-r"]),
    ("random", &["md5sum"]),
    ("random", &["base64", "-w", "60"]),
    ("text.b64", &["base64", "-d"]),
    ("text", &["gzip"]),
    ("text.gz", &["gunzip"]),
    ("files.cpio", &["cpio", "-t"]),
    ("files.cpio", &["cpio", "-i", "--to-stdout", "keys"]),
    ("text", &["dd", "bs=100", "skip=3", "count=5", "conv=ucase", "status=none"]),
    ("keys", &["tee"]),
    ("text", &["wc", "-l"]),
    ("text.hex", &["xxd", "-r", "-p"]),
    ("keys", &["ed", "-s"]),
    ("passwd", &["awk", "-F:", "-v", "OFS=;", "{ $2 = \"\"; print NR, $1, $NF; $0 = \"x:y\"; print NF }"]),
    ("keys", &["ash", "-c", "while read a b c; do echo \"$c-$b-$a\"; done"]),
    ("script.bc", &["bc", "-l"]),
];

/// Files that busybox itself makes, natively, from the inputs.
const PREPARED: &[(&str, &[&str], &str)] = &[
    ("text.gz", &["gzip", "-c", "text"], "empty"),
    ("text.bz2", &["bzip2", "-c", "text"], "empty"),
    ("text.b64", &["base64", "text"], "empty"),
    ("text.hex", &["xxd", "-p", "text"], "empty"),
    ("files.tar", &["tar", "-c", "-f", "-", "text", "keys", "empty", "tree/link"], "empty"),
    ("tree.tar", &["tar", "-c", "-f", "-", "tree"], "empty"),
    ("names", &["printf", "text\\nkeys\\ntree/a.txt\\n"], "empty"),
    ("files.cpio", &["cpio", "-o", "-H", "newc"], "names"),
    ("script.bc", &["printf", "scale=30; 4*a(1); e(1); sqrt(2); 2^200; s(1)\\n"], "empty"),
];

/// When these were made, as far as anybody can see: the time does not depend on when the tests run.
const PREPARED_AT: Duration = Duration::from_secs(1_600_000_000);

pub(crate) fn trials(inputs: &Path) -> Vec<Trial> {
    let busybox = find_program("busybox").filter(|program| is_static(program));
    if let Some(program) = &busybox {
        prepare(program, inputs);
    }
    let ordered = COMMANDS.iter().map(|args| (None, *args, Lines::Ordered));
    let unordered = UNORDERED.iter().map(|args| (None, *args, Lines::Unordered));
    let filters = FILTERS.iter().map(|(stdin, args)| (Some(*stdin), *args, Lines::Ordered));
    let all = ordered.chain(unordered).chain(filters);
    all.map(|(stdin, args, lines)| trial(busybox.clone(), inputs.to_owned(), stdin, args, lines)).collect()
}

fn trial(
    busybox: Option<PathBuf>,
    cwd: PathBuf,
    stdin: Option<&'static str>,
    args: &'static [&'static str],
    lines: Lines,
) -> Trial {
    let redirection = stdin.map(|file| format!(" < {file}")).unwrap_or_default();
    let name = format!("busybox {}{redirection}", args.join(" "));
    let missing = busybox.is_none();
    let run = move || {
        let program = busybox.as_deref().ok_or("there is no static busybox here")?;
        Invocation { program, args, cwd: &cwd, stdin, lines, path: HOST_PATH.as_ref() }.check()
    };
    Trial::test(name, run).with_ignored_flag(missing)
}

/// Some distributions' busybox is dynamically linked, which pagewalk says and does not run.
pub(crate) fn is_static(program: &Path) -> bool {
    let bytes = std::fs::read(program).unwrap_or_default();
    let interpreter = b"/lib64/ld-linux-x86-64.so.2\0";
    !bytes[..bytes.len().min(4096)].windows(interpreter.len()).any(|window| window == interpreter)
}

fn prepare(busybox: &Path, dir: &Path) {
    for (output, args, stdin) in PREPARED {
        let open = |name: &str| File::open(dir.join(name)).expect("an input file");
        let target = File::create(dir.join(output)).expect("a temporary file");
        let mut command = Command::new(busybox);
        command.args(*args).current_dir(dir).stdin(open(stdin)).stdout(target).stderr(Stdio::null());
        command.status().expect("busybox runs");
        let made = File::options().write(true).open(dir.join(output)).expect("an input file");
        made.set_modified(SystemTime::UNIX_EPOCH + PREPARED_AT).expect("the file's time can be set");
    }
}
