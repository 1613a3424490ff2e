//! What the browser brings back from the provider.

use url::form_urlencoded;

use crate::base::Secret;
use crate::oidc::fault::LoginFault;

/// The parameters of a callback; each at most once.
#[derive(Clone, Debug)]
pub struct CallbackParams {
    /// What we gave the browser to carry: a sealed transaction.
    pub state: String,
    /// What the provider says: a code, or an error.
    pub(super) outcome: Outcome,
    /// Who says so (RFC 9207).
    pub(super) issuer: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Code(Secret<String>),
    Error(String),
}

/// The longest query: a sealed transaction has about 600 bytes, codes of some providers 2 KiB.
const LONGEST: usize = 16 * 1024;

impl CallbackParams {
    /// Reads a query, without its `?`.
    ///
    /// # Errors
    /// `ParameterTooLong`, `ParameterRepeated`, `StateMissing`, `CodeMissing`.
    pub fn parse(query: &str) -> Result<Self, LoginFault> {
        if query.len() > LONGEST {
            return Err(LoginFault::ParameterTooLong);
        }
        let (mut state, mut code, mut error, mut issuer) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (slot, name) = match &*name {
                "state" => (&mut state, "state"),
                "code" => (&mut code, "code"),
                "error" => (&mut error, "error"),
                "iss" => (&mut issuer, "iss"),
                _ => continue,
            };
            // The first or the last: what a proxy before us checked need not be what we use.
            if slot.replace(value.into_owned()).is_some() {
                return Err(LoginFault::ParameterRepeated(name));
            }
        }
        let state = state.filter(|state| !state.is_empty()).ok_or(LoginFault::StateMissing)?;
        let outcome = match (code.filter(|code| !code.is_empty()), error) {
            (_, Some(error)) => Outcome::Error(tame(&error)),
            (Some(code), None) => Outcome::Code(Secret::new(code)),
            (None, None) => return Err(LoginFault::CodeMissing),
        };
        Ok(Self { state, outcome, issuer })
    }
}

/// An error's name, fit for a log: RFC 6749 names are words with underscores.
fn tame(error: &str) -> String {
    error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn fault(query: &str) -> LoginFault {
        CallbackParams::parse(query).unwrap_err()
    }

    #[test]
    fn each_parameter_may_occur_once() {
        for name in ["state", "code", "error", "iss"] {
            let query = format!("state=s&code=c&error=e&iss=i&{name}=again");
            assert!(matches!(fault(&query), LoginFault::ParameterRepeated(n) if n == name));
        }
        assert!(CallbackParams::parse("state=s&code=c&x=1&x=2").is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(fault(""), LoginFault::StateMissing);
        assert_eq!(fault("code=c"), LoginFault::StateMissing);
        assert_eq!(fault("state=&code=c"), LoginFault::StateMissing);
        assert_eq!(fault("state=s"), LoginFault::CodeMissing);
        assert_eq!(fault("state=s&iss=i"), LoginFault::CodeMissing);
        assert_eq!(fault(&format!("state={}", "x".repeat(65_536))), LoginFault::ParameterTooLong);
    }

    #[test]
    fn an_error_is_tamed_and_wins_over_a_code() {
        let params = CallbackParams::parse("state=s&code=c&error=access_denied%0d%0a<b>").unwrap();
        assert!(matches!(params.outcome, Outcome::Error(e) if e == "access_deniedb"));
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in any::<String>()) {
            let _ = CallbackParams::parse(&query);
        }
    }
}
