//! The page behind every "no" that a person sees.

use askama::Template;

/// A page with one heading, one sentence and at most one thing to do.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub struct Page<'a> {
    /// The heading.
    pub title: &'a str,
    /// The sentence.
    pub sentence: &'a str,
    /// A second, quieter sentence.
    pub hint: &'a str,
    /// What to do: a label and where it leads. Empty label: nothing.
    pub action: (&'a str, &'a str),
    /// Opens the action in a tab of its own, for a page that sits in a frame.
    pub new_tab: bool,
    /// The stable code and the request id, small, for whoever is asked for help.
    pub reference: &'a str,
}

impl Page<'_> {
    /// The page as HTML. Rendering writes into memory and cannot fail.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}
