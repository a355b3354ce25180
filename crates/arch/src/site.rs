//! Places in pagewalk's own source, for those who look for an error of the kernel layer.

use std::fmt;
use std::panic::Location;

/// A place in the kernel layer's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(&'static Location<'static>);

impl Site {
    /// Where the function was called that calls this one. It bears `#[track_caller]`, as do those that it stands for.
    #[must_use]
    #[track_caller]
    pub fn caller() -> Self {
        Self(Location::caller())
    }

    /// The file, within its crate: the same wherever that was compiled.
    #[must_use]
    pub fn file(self) -> &'static str {
        let path = self.0.file();
        path.rsplit_once("src/").map_or(path, |(_, file)| file)
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(self) -> u32 {
        self.0.line()
    }
}

/// `mm/munmap.rs:123`.
impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn helper() -> Site {
        Site::caller()
    }

    #[test]
    fn a_site_is_where_the_outermost_was_called() {
        let (site, line) = (helper(), line!());
        assert_eq!(site.to_string(), format!("site.rs:{line}"));
    }
}
