//! The token that Chainlit takes for one of its own.
//!
//! It reads `identifier`, `display_name`, `metadata` and `exp`; everything that the app should see
//! beside the name is in `metadata`, as `cl.user_session.get("user").metadata`.

use crate::identity::Fact;
use crate::token::claims::{Claims, Writer};

impl Claims<'_> {
    /// The members that do not change with the request. The plan has made sure of the identifier.
    pub(super) fn chainlit(
        &self,
        identifier: &Fact,
        to: &mut Writer<'_>,
    ) -> serde_json::Result<()> {
        let who = self.principal();
        to.always("identifier", &identifier.of(who, 0))?;
        to.always("display_name", who.display_name())?;
        to.open("metadata")?;
        // Chainlit's own pages ask for it.
        to.always("provider", "portcullis")?;
        to.wanted("sub", &who.subject)?;
        let authenticated = self.permit.authenticated();
        let method = authenticated.session().map_or(authenticated.way_in(), |it| it.signed_in_by);
        to.always("auth_method", method.as_str())?;
        to.wanted("user", who.user())?;
        self.person(to)?;
        self.session(to)?;
        self.extras(to)?;
        to.close();
        Ok(())
    }
}
