//! Which test covers which paging rule.
//!
//! `docs/mmu-rules.md` has the rules, one a line: `- MMU-nnn text [evidence]`. A test covers a rule if its name has the rule's
//! number: `fn mmu_023_...`. `docs/fidelity.md` has the result as a table behind a marker; what stands before it is written by
//! hand, and names the rules that no test can cover.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

/// The rules.
pub const RULES: &str = "docs/mmu-rules.md";
/// The table, and what is said beside it.
pub const FIDELITY: &str = "docs/fidelity.md";
/// Ends the part that is written by hand.
const MARKER: &str = "<!-- What follows is written by `cargo xtask fidelity`. -->\n";
/// Where tests are.
const FOLDERS: [&str; 2] = ["crates", "tests"];

/// A rule as the rules' file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Three digits.
    pub number: String,
    /// The section that it stands in.
    pub section: String,
    /// KVM, QEMU, silicon, documents: the letters between brackets.
    pub evidence: String,
}

/// The tests by the number of the rule that their names have: `file::name`.
pub type Tests = BTreeMap<String, BTreeSet<String>>;

/// Reads the rules from their file's text.
#[must_use]
pub fn rules(text: &str) -> Vec<Rule> {
    let mut section = String::new();
    let mut rules = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        if let Some(rest) = line.strip_prefix("- MMU-") {
            let number = rest[..3].to_owned();
            rules.push(Rule { number, section: section.clone(), evidence: evidence(rest) });
        }
    }
    rules
}

/// The letters of the tags, each once: a tag is a bracket that begins with one of them.
fn evidence(text: &str) -> String {
    let tagged = |letter: char| {
        text.match_indices('[').any(|(at, _)| {
            let mut tag = text[at + 1..].chars();
            tag.next() == Some(letter) && tag.next().is_some_and(|c| !c.is_ascii_alphanumeric())
        })
    };
    let names = [('K', "KVM"), ('Q', "QEMU"), ('S', "silicon"), ('D', "documents")];
    names.iter().filter(|(letter, _)| tagged(*letter)).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

/// Finds the tests in all sources.
///
/// # Errors
/// If a source cannot be read.
pub fn tests(root: &Path) -> io::Result<Tests> {
    let mut tests = Tests::new();
    for folder in FOLDERS {
        in_folder(root, &root.join(folder), &mut tests)?;
    }
    Ok(tests)
}

fn in_folder(root: &Path, folder: &Path, tests: &mut Tests) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            in_folder(root, &path, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            in_source(&file, &fs::read_to_string(&path)?, tests);
        }
    }
    Ok(())
}

/// Takes the tests of one source.
pub fn in_source(file: &str, text: &str, tests: &mut Tests) {
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next())
            && is_test
        {
            for (at, _) in name.match_indices("mmu_") {
                if let Some(number) = name.get(at + 4..at + 7).filter(|n| n.bytes().all(|b| b.is_ascii_digit())) {
                    tests.entry(number.to_owned()).or_default().insert(format!("{file}::{name}"));
                }
            }
        }
        is_test = line.starts_with("#[test]") || is_test && line.starts_with("#[");
    }
}

/// The document with its table made anew, and the rules that have neither a test nor a mention before the table.
///
/// # Errors
/// If a file cannot be read, or the document has no marker.
pub fn document(root: &Path) -> Result<(String, Vec<String>), String> {
    let read = |path: &str| fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"));
    let (rules, document) = (rules(&read(RULES)?), read(FIDELITY)?);
    let tests = tests(root).map_err(|error| error.to_string())?;
    let (by_hand, _) = document.split_once(MARKER).ok_or("the document has no marker")?;
    let uncovered =
        |rule: &&Rule| !tests.contains_key(&rule.number) && !by_hand.contains(&format!("MMU-{}", rule.number));
    let missing = rules.iter().filter(uncovered).map(|rule| format!("MMU-{}", rule.number)).collect();
    Ok((format!("{by_hand}{MARKER}{}", table(&rules, &tests)), missing))
}

fn table(rules: &[Rule], tests: &Tests) -> String {
    let mut text = String::new();
    let mut section = "";
    for rule in rules {
        if rule.section != section {
            section = &rule.section;
            let _ = write!(text, "\n## {section}\n\n| rule | evidence | tests |\n|---|---|---|\n");
        }
        let here = tests.get(&rule.number).map(|tests| tests.iter().map(|test| format!("`{}`", short(test))).collect());
        let here: Vec<String> = here.unwrap_or_default();
        let here = if here.is_empty() { "see above".to_owned() } else { here.join("<br>") };
        let _ = writeln!(text, "| MMU-{} | {} | {here} |", rule.number, rule.evidence);
    }
    text
}

/// A test without what every path has.
fn short(test: &str) -> String {
    test.trim_start_matches("crates/").replace("/tests/", " ").replace("/src/", " ").replace(".rs::", "::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_section_a_number_and_its_evidence() {
        let text =
            "## A. Modes\n- MMU-001 text CR3[31:12] [K][Q] more [S: seen]\nother\n## B. More\n- MMU-002 [D, SDM]\n";
        let rule = |number: &str, section: &str, evidence: &str| Rule {
            number: number.into(),
            section: section.into(),
            evidence: evidence.into(),
        };
        assert_eq!(rules(text), [rule("001", "A. Modes", "KVM, QEMU, silicon"), rule("002", "B. More", "documents")]);
    }

    #[test]
    fn only_tests_count_and_a_name_may_have_several_rules() {
        let mut found = Tests::new();
        let text = "#[test]\n#[ignore]\nfn mmu_001_mmu_002_both() {\nfn mmu_003_helper() {\n#[test]\nfn no_rule() {";
        in_source("a.rs", text, &mut found);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["001", "002"]);
    }
}
