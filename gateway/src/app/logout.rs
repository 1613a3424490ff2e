//! Signing out: what its pages need, and where providers find them.

use std::sync::Arc;
use std::time::Duration;

use crate::app::lasting::{Lasting, LastingFault};
use crate::config::{Checked, Config, Provider as Section, SiteData};
use crate::endpoints::LogoutParts;
use crate::oidc::{DiscoveryState, Provider};

/// How often it is looked whether a provider has said what it can.
const LOOK: Duration = Duration::from_secs(1);

/// What signing out needs.
///
/// # Errors
/// The file of used names cannot be opened.
pub(super) fn parts(
    config: &Checked<Config>,
    lasting: &Lasting,
) -> Result<LogoutParts, LastingFault> {
    let mut providers = config.providers.values();
    let used = match providers.any(|provider| matches!(provider, Section::Oidc(_))) {
        true => Some(lasting.used_links()?),
        false => None,
    };
    let revoker = Arc::clone(&lasting.revoker);
    Ok(LogoutParts { used, revoker, clear_site_data: quoted(&config.session.clear_site_data) })
}

/// The places to register with each provider for its logouts: a line each.
pub fn logout_places(config: &Checked<Config>) -> Vec<String> {
    let providers = config.providers.iter();
    let oidc = providers.filter(|(_, provider)| matches!(provider, Section::Oidc(_)));
    let line = |id: &str| {
        let [back, front] = ["backchannel", "frontchannel"].map(|way| place(config, way, id));
        format!("provider {id}: back-channel logout at {back}, front-channel logout at {front}")
    };
    oidc.map(|(id, _)| line(id.as_str())).collect()
}

/// Says in the log, once a provider is known that can tell us that somebody signed out, at which address.
pub(super) async fn announce(provider: Arc<Provider>, public_url: String) {
    let metadata = loop {
        match provider.status().discovery {
            DiscoveryState::Ready(metadata) => break metadata,
            DiscoveryState::Failed { .. } | DiscoveryState::Pending => {
                tokio::time::sleep(LOOK).await;
            }
        }
    };
    let id = provider.id();
    if metadata.backchannel_logout_supported {
        let register = format!("{public_url}/.portcullis/backchannel-logout/{id}");
        tracing::info!(provider = %id, register, "the provider has back-channel logout");
    } else if metadata.frontchannel_logout_supported {
        let register = format!("{public_url}/.portcullis/frontchannel-logout/{id}");
        tracing::info!(provider = %id, register, "the provider has front-channel logout");
    }
}

fn place(config: &Checked<Config>, way: &str, id: &str) -> String {
    format!("{}/.portcullis/{way}-logout/{id}", public_url(config))
}

/// Without a slash at the end.
pub(super) fn public_url(config: &Checked<Config>) -> String {
    config.server.public_url.to_string().trim_end_matches('/').to_owned()
}

/// The types as the field wants them: in quotes.
fn quoted(kinds: &[SiteData]) -> String {
    let name = |kind: &SiteData| match kind {
        SiteData::Cache => "\"cache\"",
        SiteData::Cookies => "\"cookies\"",
        SiteData::Storage => "\"storage\"",
    };
    kinds.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_stands_in_quotes_of_its_own() {
        let all = [SiteData::Cache, SiteData::Cookies, SiteData::Storage];
        assert_eq!(quoted(&all), r#""cache", "cookies", "storage""#);
        assert_eq!(quoted(&[]), "");
    }
}
