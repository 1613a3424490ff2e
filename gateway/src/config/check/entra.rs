//! Checks of `kind = "entra"`, and of issuers that look like it.

use crate::config::check::findings::Problem;
use crate::config::kinds::{Entra, Guid};
use crate::config::providers::OidcProvider;

pub(super) fn check(path: &str, oidc: &OidcProvider, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    let Some(entra) = &oidc.entra else {
        if oidc.issuer.contains('{') {
            let remedy = "use kind = \"entra\" with tenant = \"organizations\" and `tenants`";
            wrong("issuer", "an issuer has no place for a tenant".into(), remedy);
        }
        return;
    };
    if !entra.is_shared() && !entra.tenants.is_empty() {
        let message = "people of one tenant only can come: that of `tenant`".into();
        wrong("tenants", message, "leave it out, or use tenant = \"organizations\"");
    }
    if entra.is_shared() && entra.tenants.is_empty() {
        let message = "nobody says whose people may sign in".into();
        wrong(
            "tenant",
            message,
            "list the tenants' ids in `tenants`, or write tenants = [\"any\"]",
        );
    }
    let any = entra.tenants.iter().any(|tenant| tenant == Entra::ANY);
    if any && entra.tenants.len() > 1 {
        let message = "`any` and single tenants are both there".into();
        wrong("tenants", message, "keep the tenants, or [\"any\"]");
    }
    for (index, tenant) in entra.tenants.iter().enumerate() {
        if tenant != Entra::ANY && !Guid::is(tenant) {
            let message = format!("`{tenant}` is not the id of a tenant");
            let remedy = "copy the tenant id from the overview page of Entra, in lower case";
            wrong(&format!("tenants[{index}]"), message, remedy);
        }
    }
}
