//! The same script gives the same bytes and the same figures, however often it runs: 20 processes that compute, sleep, write to
//! pipes and wait for each other. PAGEWALK_REPEATS says how often; 10 times otherwise.

use crate::workshop::Workshop;
use libtest_mimic::{Failed, Trial};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

const REPEATS: &str = "PAGEWALK_REPEATS";

const SCRIPT: &str = r#"
i=0
while [ $i -lt 20 ]; do
    (
        n=0; while [ $n -lt 50 ]; do n=$((n + i)); n=$((n - i + 1)); done
        echo "$i $$ $n" | sed 's/^/process /'
        sleep 0.0$((i % 7)); echo "end of $i"
    ) &
    i=$((i + 1))
done
wait
seq 200 | sort -r | head -n 3; date +%s%N; head -c 8 /dev/urandom | md5sum; cat /proc/loadavg
"#;

pub(crate) fn trials(workshop: &Arc<Workshop>) -> Vec<Trial> {
    let missing = workshop.busybox().is_none();
    let workshop = Arc::clone(workshop);
    let run = move || check(workshop.busybox().ok_or("a static busybox is not here")?);
    vec![Trial::test("repeat: a script with 20 processes", run).with_ignored_flag(missing)]
}

fn check(busybox: &Path) -> Result<(), Failed> {
    let repeats = std::env::var(REPEATS).ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let first = run(busybox)?;
    let figures = String::from_utf8_lossy(&first.stderr);
    if !first.status.success() || !figures.contains("context-switches") {
        return Err(format!("the script failed: {figures}").into());
    }
    for number in 1..repeats {
        let again = run(busybox)?;
        if (&again.stdout, &again.stderr) != (&first.stdout, &first.stderr) {
            return Err(format!("run {number} differs from the first").into());
        }
    }
    Ok(())
}

fn run(busybox: &Path) -> Result<Output, Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    Ok(command.args(["run", "--stat"]).arg(busybox).args(["sh", "-c", SCRIPT]).output()?)
}
