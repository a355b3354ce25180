//! The command line, told as commands and what they print: `tests/cli/*.trycmd`.
//! `TRYCMD=overwrite cargo test --test cli` writes what is printed now.

#[test]
fn commands_print_what_they_should() {
    let repository = env!("CARGO_MANIFEST_DIR");
    trycmd::TestCases::new()
        .default_bin_path(env!("CARGO_BIN_EXE_pagewalk"))
        // Help is wrapped to the terminal's width, and miette draws with colours, unless told.
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .insert_var("[REPOSITORY]", repository)
        .expect("the name of a variable")
        .case("tests/cli/*.trycmd");
}
