//! The toolbox: tools with the rule of who may use them.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use crate::caller::Caller;

/// Something the agent can do. It receives the caller, so it cannot act for someone else.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Name, description and arguments.
    fn spec(&self) -> ToolSpec;
    /// Does it.
    ///
    /// # Errors
    ///
    /// When the arguments make no sense, or the thing cannot be done.
    async fn run(&self, caller: &Arc<Caller>, arguments: Value) -> Result<Value, ToolFault>;
}

/// A tool as model and page see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolSpec {
    /// The name to call it by.
    pub name: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// What it does.
    pub description: &'static str,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

/// Who may use a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every verified caller.
    Everyone,
    /// Callers in this group.
    Group(&'static str),
}

/// Why a tool gave nothing. The text is shown to the model and to the person.
#[derive(Debug, thiserror::Error)]
pub enum ToolFault {
    /// The arguments make no sense.
    #[error("{0}")]
    Arguments(String),
    /// It cannot be done now.
    #[error("{0}")]
    Failed(String),
    /// This caller may not use the tool, or there is none: the two are not told apart, so that
    /// nobody learns of tools by trying names.
    #[error("refused: {0} is not among the tools you may use")]
    Refused(String),
}

/// All tools of the agent.
#[derive(Default)]
pub struct Toolbox {
    tools: Vec<(Access, ToolSpec, Arc<dyn Tool>)>,
}

impl Toolbox {
    /// With one more tool.
    #[must_use]
    pub fn with(mut self, access: Access, tool: impl Tool + 'static) -> Self {
        self.tools.push((access, tool.spec(), Arc::new(tool)));
        self
    }

    /// The tools this caller may use; all that a model gets to see.
    pub fn offered(&self, caller: &Caller) -> Vec<ToolSpec> {
        let usable = self.tools.iter().filter(|(access, ..)| access.allows(caller));
        usable.map(|(_, spec, _)| spec.clone()).collect()
    }

    /// A tool's name for people; its own name when there is none.
    pub fn title<'a>(&'a self, name: &'a str) -> &'a str {
        self.tools
            .iter()
            .find(|(_, spec, _)| spec.name == name)
            .map_or(name, |(_, spec, _)| spec.title)
    }

    /// Runs a tool. Asks for access again: a model can name a tool that it was not offered, from
    /// habit or because a text it read told it to.
    ///
    /// # Errors
    ///
    /// [`ToolFault::Refused`] without access; otherwise what the tool says.
    pub async fn call(
        &self,
        caller: &Arc<Caller>,
        name: &str,
        arguments: Value,
    ) -> Result<Value, ToolFault> {
        let found =
            self.tools.iter().find(|(access, spec, _)| spec.name == name && access.allows(caller));
        let Some((_, _, tool)) = found else {
            tracing::warn!(sub = %caller.sub, tool = name, "a tool call was refused");
            return Err(ToolFault::Refused(name.to_owned()));
        };
        tool.run(caller, arguments).await
    }
}

impl Access {
    fn allows(self, caller: &Caller) -> bool {
        match self {
            Self::Everyone => true,
            Self::Group(group) => caller.is_in(group),
        }
    }
}
