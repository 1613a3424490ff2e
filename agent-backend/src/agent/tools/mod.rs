//! What the agent can do, and who may make it do so.

mod calculator;
mod current_time;
mod service_status;
mod toolbox;
pub mod weather;
mod whoami;

pub use calculator::{Calculator, evaluate};
pub use current_time::CurrentTime;
pub use service_status::ServiceStatus;
pub use toolbox::{Access, Tool, ToolFault, ToolSpec, Toolbox};
pub use whoami::Whoami;
