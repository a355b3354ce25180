//! A comparison that could not be made, for the programs that would have read its result.

use super::github::{message, property};
use super::junit::{Wrong, suite};
use serde::Serialize;

/// Why traces could not be compared. Each form is that of a [`Difference`](super::Difference), with an error in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCompared {
    /// The golden's file.
    pub file: String,
    /// What went wrong.
    pub error: String,
}

impl NotCompared {
    /// In JSON: no verdict, and the error.
    #[must_use]
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Json<'a> {
            same: Option<bool>,
            error: &'a str,
        }
        // Nothing in it can fail: all keys are texts.
        serde_json::to_string_pretty(&Json { same: None, error: &self.error }).unwrap_or_default()
    }

    /// As a test that has neither passed nor failed.
    #[must_use]
    pub fn junit(&self) -> String {
        let wrong = Wrong { element: "error", kind: "not-compared", message: &self.error, text: &self.error };
        suite(&self.file, Some(&wrong))
    }

    /// As a workflow command about the golden's file.
    #[must_use]
    pub fn github(&self) -> String {
        format!("::error file={}::{}\n", property(&self.file), message(&self.error))
    }
}
