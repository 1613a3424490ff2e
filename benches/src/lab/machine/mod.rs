//! Processes, folders and signals: what any lab needs of its machine.

pub(crate) mod folder;
pub(crate) mod port;
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod stop;
pub(crate) mod time;
