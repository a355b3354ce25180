//! A difference as a test's result, in the XML that continuous integration reads.

use super::difference::Difference;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// The suite that the test is in.
const SUITE: &str = "pagewalk.trace";

/// Why a test has not passed.
pub(super) struct Wrong<'a> {
    /// `failure`, or `error` if it has not come to a verdict.
    pub(super) element: &'static str,
    /// What kind of failure or error.
    pub(super) kind: &'static str,
    /// It in short.
    pub(super) message: &'a str,
    /// All of it.
    pub(super) text: &'a str,
}

impl Difference {
    /// One test of a name, which has failed if anything is different.
    #[must_use]
    pub fn junit(&self, name: &str) -> String {
        if self.is_empty() {
            return suite(name, None);
        }
        let (message, text) = (&*self.summary(), &*self.text());
        suite(name, Some(&Wrong { element: "failure", kind: "difference", message, text }))
    }
}

/// A suite of one test.
pub(super) fn suite(name: &str, wrong: Option<&Wrong<'_>>) -> String {
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
    // A vector takes everything.
    let _ = write(&mut out, &allowed(name), wrong);
    let mut xml = String::from_utf8(out.into_inner()).unwrap_or_default();
    xml.push('\n');
    xml
}

fn write(out: &mut Writer<Vec<u8>>, name: &str, wrong: Option<&Wrong<'_>>) -> io::Result<()> {
    let count = |element| if wrong.is_some_and(|wrong| wrong.element == element) { "1" } else { "0" };
    let sums = [("tests", "1"), ("failures", count("failure")), ("errors", count("error"))];
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    out.create_element("testsuites").with_attributes(sums).write_inner_content(|out| {
        let suite = out.create_element("testsuite").with_attribute(("name", SUITE)).with_attributes(sums);
        suite.write_inner_content(|out| {
            let case = out.create_element("testcase").with_attributes([("classname", SUITE), ("name", name)]);
            match wrong {
                None => case.write_empty()?,
                Some(wrong) => case.write_inner_content(|out| wrong.write(out))?,
            };
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

impl Wrong<'_> {
    fn write(&self, out: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let (message, text) = (allowed(self.message), allowed(self.text));
        let element = out.create_element(self.element).with_attributes([("type", self.kind), ("message", &*message)]);
        element.write_text_content(BytesText::new(&text))?;
        Ok(())
    }
}

/// A text with a replacement for each character that XML does not have.
fn allowed(text: &str) -> String {
    let is_allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    text.chars().map(|c| if is_allowed(&c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}
