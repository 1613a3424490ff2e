//! What a configuration file refers to outside itself.

use std::fmt;
use std::path::Path;

/// Where a configuration's relative paths start and where its environment variables come from.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The file's name, for faults.
    pub name: &'a str,
    /// The directory that relative paths start from.
    pub directory: &'a Path,
    /// Looks an environment variable up.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("name", &self.name)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
