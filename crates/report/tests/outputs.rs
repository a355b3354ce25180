//! What each output looks like, of a profile made by hand. `PAGEWALK_BLESS=1` rewrites the files in `tests/outputs`.

mod common;

use pagewalk_report::{
    By, NoFunction, Profile, Sources, Table, annotate, annotations_csv, annotations_json, callgrind, flamegraph, folded,
};
use std::path::Path;

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outputs").join(name);
    if std::env::var_os("PAGEWALK_BLESS").is_some() {
        std::fs::write(&path, text).expect("the file can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name}: -- expected\n{expected}\n-- got\n{text}");
}

#[test]
fn tables() {
    let profile = common::profile();
    for by in By::ALL {
        golden(&format!("{}.txt", by.name()), &Table::new(&profile, by).text());
    }
    golden("function.csv", &Table::new(&profile, By::Function).csv());
    golden("page.json", &Table::new(&profile, By::Page).json());
    let mut cut = Table::new(&profile, By::Page);
    cut.keep(1);
    golden("page-top-1.txt", &cut.text());
}

#[test]
fn annotated_functions() {
    let profile = common::profile();
    let sum = annotate(&profile, None).unwrap();
    assert_eq!(sum, annotate(&profile, Some("sum")).unwrap(), "the function with the most cycles");
    golden("sum.txt", &sum[0].text(&mut Sources::default()));
    golden("sum.csv", &annotations_csv(&sum));
    golden("sum.json", &annotations_json(&sum));
    golden("nameless.txt", &annotate(&profile, Some("[adder+0x402000]")).unwrap()[0].text(&mut Sources::default()));
}

#[test]
fn lines_of_the_source_are_shown_where_it_is_found() {
    let folder = std::env::temp_dir().join(format!("pagewalk-report-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let source = folder.join("adder.c");
    std::fs::write(&source, format!("{}\tsum += load(word);\x1b[31m\n", "\n".repeat(11))).unwrap();
    let mut profile = common::profile();
    profile.places[1].frames[0].file = source.display().to_string();
    let text = annotate(&profile, Some("sum")).unwrap()[0].text(&mut Sources::default());
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(text.contains("; adder.c:12      sum += load(word);\\u{1b}[31m\n"), "{text}");
    assert!(text.contains("; word.h:3\n"), "{text}");
}

#[test]
fn a_function_that_did_not_run_is_refused_with_those_that_did() {
    let profile = common::profile();
    let hottest = ["sum", "exit", "[adder+0x402000]"].map(str::to_owned).to_vec();
    assert_eq!(annotate(&profile, Some("main")), Err(NoFunction::Unknown { name: "main".into(), hottest }));
    assert_eq!(annotate(&Profile::default(), None), Err(NoFunction::Empty));
}

#[test]
fn formats_of_other_tools() {
    let profile = common::profile();
    golden("callgrind.out", &callgrind(&profile));
    golden("folded.txt", &folded(&profile));
}

/// The widths of all frames of one depth sum to the whole; here, the number of samples that each title tells.
#[test]
fn the_flame_graph_is_xml_whose_titles_tell_our_sums() {
    let profile = common::profile();
    let svg = flamegraph(&profile).unwrap();
    assert_eq!(svg, flamegraph(&profile).unwrap());
    let mut reader = quick_xml::Reader::from_str(&svg);
    let (mut titles, mut in_title) = (Vec::new(), false);
    loop {
        match reader.read_event().expect("it is XML") {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(tag) => in_title = tag.name().as_ref() == "title",
            quick_xml::events::Event::Text(text) if in_title => {
                titles.push(text.as_ref().to_owned());
                in_title = false;
            }
            _ => {}
        }
    }
    let cycles = |cause: &str| -> u64 {
        let of_cause = titles.iter().filter_map(|title| title.strip_prefix(cause)?.strip_prefix(" ("));
        of_cause.map(|rest| rest.split(' ').next().unwrap().replace(',', "").parse::<u64>().unwrap()).sum()
    };
    assert_eq!(cycles("all"), profile.totals.cycles.0, "{titles:?}");
    let table = Table::new(&profile, By::Cause);
    for row in table.rows().filter(|row| row.measures.cycles > 0) {
        assert_eq!(cycles(&row.names[0]), row.measures.cycles, "{}", row.names[0]);
    }
    assert!(flamegraph(&Profile::default()).is_err());
}

#[test]
fn names_cannot_break_a_format() {
    let mut profile = common::profile();
    profile.functions[0].name = Some("(1) a;b \n<c> \x1b[31m\"".into());
    assert_eq!(folded(&profile).lines().filter(|line| line.split(';').count() < 4).count(), 0);
    assert!(callgrind(&profile).contains("\nfn=_(1) a;b _<c> _[31m\"\n"));
    assert!(!Table::new(&profile, By::Function).text().contains('\x1b'));
    assert!(annotate(&profile, None).unwrap().iter().all(|one| !one.text(&mut Sources::default()).contains('\x1b')));
    let Err(NoFunction::Unknown { hottest, .. }) = annotate(&profile, Some("none")) else { panic!("there is none") };
    assert!(hottest.iter().all(|name| !name.contains('\x1b')), "{hottest:?}");
    assert!(flamegraph(&profile).unwrap().contains("&lt;c&gt;"));
    assert_eq!(
        Table::new(&profile, By::Function).csv().lines().count(),
        1 + 3 + 1,
        "the name has a line break, quoted"
    );
}
