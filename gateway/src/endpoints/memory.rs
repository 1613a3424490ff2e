//! What is remembered of logins; it lasts as long as the process, so that a reload is no way to spend
//! a login twice.

use crate::endpoints::login_loop::RecentLogins;
use crate::endpoints::state::SpentStates;
use crate::endpoints::teams::PopupCodes;

/// Logins that came back, and who finished some lately.
#[derive(Debug, Default)]
pub struct LoginMemory {
    pub(super) recent: RecentLogins,
    pub(super) spent: SpentStates,
    pub(super) popups: PopupCodes,
}
