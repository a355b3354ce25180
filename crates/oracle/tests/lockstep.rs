//! Ten programs in lockstep with this machine's processor: C with glibc and musl, C++ and Rust, at -O0, -O2 and -O3 for x86-64-v3.
//!
//! Each program is compared for 20,000 instructions, or as many as `PAGEWALK_LOCKSTEP` says, one by one. A program whose
//! compiler is not here, or that this processor could not run, is *ignored*.

#![forbid(unsafe_code)]

use libtest_mimic::{Arguments, Trial};

fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn trials() -> Vec<Trial> {
    vec![Trial::test("needs Linux on an x86-64 processor", || Ok(())).with_ignored_flag(true)]
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn trials() -> Vec<Trial> {
    programs::ALL.iter().map(programs::Program::trial).collect()
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod programs {
    use libtest_mimic::{Failed, Trial};
    use pagewalk_oracle::lockstep::run::{Limits, Verdict, run};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    /// A program and how to build it.
    pub(crate) struct Program {
        name: &'static str,
        source: &'static str,
        compiler: &'static str,
        options: &'static [&'static str],
        rounds: &'static str,
    }

    const V3: &str = "-march=x86-64-v3";
    const RUST: [&str; 3] = ["--edition=2024", "-Ctarget-feature=+crt-static", "-Crelocation-model=static"];

    pub(crate) const ALL: &[Program] = &[
        c("sort, glibc, -O0", "sort.c", "gcc", &["-O0"]),
        c("sort, glibc, -O2", "sort.c", "gcc", &["-O2"]),
        c("sort, musl, -O3 v3", "sort.c", "musl-gcc", &["-O3", V3]),
        c("float, glibc, -O2", "float.c", "gcc", &["-O2"]),
        c("float, glibc, -O3 v3", "float.c", "gcc", &["-O3", V3]),
        c("float, musl, -O2", "float.c", "musl-gcc", &["-O2"]),
        c("words, C++, -O0", "words.cpp", "g++", &["-O0"]),
        c("words, C++, -O3 v3", "words.cpp", "g++", &["-O3", V3]),
        c("tree, Rust, -O0", "tree.rs", "rustc", &["-Copt-level=0"]),
        c("tree, Rust, -O3 v3", "tree.rs", "rustc", &["-Copt-level=3", "-Ctarget-cpu=x86-64-v3"]),
    ];

    const fn c(
        name: &'static str,
        source: &'static str,
        compiler: &'static str,
        options: &'static [&'static str],
    ) -> Program {
        Program { name, source, compiler, options, rounds: "2000" }
    }

    impl Program {
        pub(crate) fn trial(&'static self) -> Trial {
            match self.obstacle() {
                None => Trial::test(self.name, || self.compare()),
                Some(why) => Trial::test(format!("{}: {why}", self.name), || Ok(())).with_ignored_flag(true),
            }
        }

        /// Why the program cannot be compared here.
        fn obstacle(&self) -> Option<&'static str> {
            let answers =
                Command::new(self.compiler).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !answers.is_ok_and(|status| status.success()) {
                return Some("its compiler is not here");
            }
            let for_v3 = self.options.iter().any(|option| option.ends_with("x86-64-v3"));
            let able = std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
            if for_v3 && !able { Some("this processor is older") } else { None }
        }

        fn build(&self) -> Result<PathBuf, Failed> {
            let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lockstep").join(self.source);
            let name: String = self.name.chars().filter(char::is_ascii_alphanumeric).collect();
            let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            let mut command = Command::new(self.compiler);
            match self.compiler {
                "rustc" => command.args(RUST),
                _ => command.args(["-static", "-no-pie"]),
            };
            let math: &[&str] = if self.source.ends_with(".c") { &["-lm"] } else { &[] };
            let output = command.args(self.options).arg("-o").arg(&program).arg(here).args(math).output();
            let output = output.map_err(|error| Failed::from(error.to_string()))?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
            }
            Ok(program)
        }

        fn compare(&self) -> Result<(), Failed> {
            let instructions = std::env::var("PAGEWALK_LOCKSTEP").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
            let program = self.build()?;
            let limits = Limits { instructions, stride: 1 };
            let report = run(&program, &[self.rounds.to_string()], limits).map_err(Failed::from)?;
            match report.verdict {
                Verdict::Limit => Ok(()),
                other => Err(format!("{} instructions equal; then {other:?}", report.instructions).into()),
            }
        }
    }
}
