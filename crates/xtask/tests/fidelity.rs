//! Every paging rule has a test that bears its number, or is said not to be modelled; the document that says so is current.

#![forbid(unsafe_code)]

use xtask::{fidelity, workspace_root};

#[test]
fn every_rule_has_a_test_and_the_document_names_it() {
    let root = workspace_root(&std::env::current_dir().unwrap()).expect("inside the workspace");
    let (document, missing) = fidelity::document(&root).unwrap();
    assert!(missing.is_empty(), "neither tested nor said not to be modelled: {missing:?}");
    let committed = std::fs::read_to_string(root.join(fidelity::FIDELITY)).unwrap();
    assert!(committed == document, "run `cargo xtask fidelity`");
    assert!(fidelity::rules(&std::fs::read_to_string(root.join(fidelity::RULES)).unwrap()).len() > 150);
}
