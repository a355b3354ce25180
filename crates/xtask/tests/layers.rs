//! The workspace keeps its own layers. What the checker finds in a set that does not is tested beside the checker.

#![forbid(unsafe_code)]

use xtask::{layers, manifest, workspace_root};

/// Reads the workspace that this test belongs to.
fn this_workspace() -> manifest::Workspace {
    // Cargo runs a test in the folder of its package.
    let root = workspace_root(&std::env::current_dir().unwrap()).expect("inside the workspace");
    manifest::read_workspace(&root).unwrap()
}

#[test]
fn the_workspace_keeps_its_layers() {
    let violations: Vec<String> = layers::check(&this_workspace()).iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// A reader that found nothing would make the test above pass.
#[test]
fn the_reader_sees_the_crates_and_their_dependencies() {
    let workspace = this_workspace();
    let mmu = &workspace.crates["mmu"];
    assert!(mmu.dependencies.contains("paging"));
    assert!(workspace.crates["machine"].dependencies.contains("kernel"));
    assert!(workspace.crates["xtask"].dependencies.is_empty());
    assert_eq!(workspace.crates["xtask"].roots.len(), 2);
}
