//! A difference as a test's result, in the XML that continuous integration reads.

use super::difference::Difference;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// The suite that the test is in.
const SUITE: &str = "pagewalk.trace";

impl Difference {
    /// One test of a name, which has failed if anything is different.
    #[must_use]
    pub fn junit(&self, name: &str) -> String {
        let mut out = Writer::new_with_indent(Vec::new(), b' ', 2);
        // A vector takes everything.
        let _ = self.write_junit(&mut out, &allowed(name));
        let mut xml = String::from_utf8(out.into_inner()).unwrap_or_default();
        xml.push('\n');
        xml
    }

    fn write_junit(&self, out: &mut Writer<Vec<u8>>, name: &str) -> io::Result<()> {
        let failures = if self.is_empty() { "0" } else { "1" };
        let sums = [("tests", "1"), ("failures", failures), ("errors", "0")];
        out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        out.create_element("testsuites").with_attributes(sums).write_inner_content(|out| {
            let suite = out.create_element("testsuite").with_attribute(("name", SUITE)).with_attributes(sums);
            suite.write_inner_content(|out| {
                let case = out.create_element("testcase").with_attributes([("classname", SUITE), ("name", name)]);
                if self.is_empty() {
                    case.write_empty()?;
                } else {
                    case.write_inner_content(|out| self.write_failure(out))?;
                }
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    }

    fn write_failure(&self, out: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let (summary, text) = (allowed(&self.summary()), allowed(&self.text()));
        let failure = out.create_element("failure").with_attributes([("type", "difference"), ("message", &*summary)]);
        failure.write_text_content(BytesText::new(&text))?;
        Ok(())
    }
}

/// A text with a replacement for each character that XML does not have.
fn allowed(text: &str) -> String {
    let is_allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    text.chars().map(|c| if is_allowed(&c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}
