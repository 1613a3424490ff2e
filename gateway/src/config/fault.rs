//! What is wrong with a configuration file, and where, and what to do.

use std::fmt;

/// One fault or warning, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `routes[0].upstream`; empty for the file as a whole.
    pub path: String,
    /// The line, from 1; 0 where the file could not be read at all.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The line itself, with secrets and control characters left out.
    pub(super) source: String,
    /// How many characters of it are meant.
    pub(super) width: usize,
}

/// Everything that is wrong with a file, in the order of its lines. Displays like a compiler's
/// output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    pub(super) file: String,
    pub(super) list: Vec<Fault>,
}

impl Faults {
    /// The faults, in the order of their lines.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes them into order.
    pub(super) fn new(file: &str, mut list: Vec<Fault>) -> Self {
        list.sort_by_key(|fault| (fault.line, fault.column));
        Self { file: file.to_owned(), list }
    }

    /// A fault of the file as a whole.
    pub(super) fn whole(file: &str, message: String, remedy: &str) -> Self {
        let fault = Fault {
            path: String::new(),
            line: 0,
            column: 0,
            message,
            remedy: Some(remedy.to_owned()),
            source: String::new(),
            width: 0,
        };
        Self { file: file.to_owned(), list: vec![fault] }
    }
}

impl Fault {
    /// Writes it like a compiler: what, where, the line with a caret, and the remedy.
    pub fn render(&self, word: &str, file: &str) -> String {
        let mut out = format!("{word}: {}\n", self.message);
        let gutter = self.line.to_string().len();
        if self.line == 0 {
            out.push_str(&format!(" --> {file}\n"));
        } else {
            let path = if self.path.is_empty() { "" } else { " " };
            let at = format!("{file}:{}:{}{path}{}", self.line, self.column, self.path);
            let source = format!("{} | {}", self.line, self.source);
            let caret = " ".repeat(self.column.saturating_sub(1)) + &"^".repeat(self.width.max(1));
            let edge = " ".repeat(gutter);
            let source = source.trim_end();
            out.push_str(&format!("{edge}--> {at}\n{edge} |\n{source}\n{edge} | {caret}\n"));
        }
        if let Some(remedy) = &self.remedy {
            out.push_str(&format!("help: {remedy}\n"));
        }
        out
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(f, "{gap}{}", fault.render("error", &self.file))?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
