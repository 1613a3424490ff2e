//! Everything that can be wrong with a login.

use thiserror::Error;

use crate::crypto::JwsFault;

/// Why a login failed. One variant for each check, so that a log line says which.
///
/// The message is the private cause, for the audit log; what a person may read is
/// [`LoginFault::public`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LoginFault {
    /// The person proved less than what was asked for.
    #[error("the id_token's acr is {0:?}, not one of acr_values")]
    AcrNotMet(Option<String>),
    /// `at_hash` belongs to another access token.
    #[error("the id_token's at_hash does not fit the access token")]
    AccessTokenHashWrong,
    /// An algorithm outside the closed list, `none` and `HS256` included.
    #[error("the id_token is signed with {0:?}, which is not allowed here")]
    AlgorithmRefused(String),
    /// The provider's API, asked who it is, did not say.
    #[error("the provider's API does not say who it is: {0}")]
    ApiRefused(String),
    /// The token is for somebody else.
    #[error("the id_token's aud does not name this client, or names others without azp")]
    AudienceWrong,
    /// `auth_time` is older than `max_age`, or missing.
    #[error("the id_token's auth_time is missing or older than max_age")]
    AuthenticationTooOld,
    /// `azp` names another client.
    #[error("the id_token's azp is not this client")]
    AuthorizedPartyWrong,
    /// A claim that must be there is missing, or of the wrong type.
    #[error("the id_token's {0} is missing or of the wrong type")]
    ClaimMalformed(&'static str),
    /// A claim is not what the settings require.
    #[error("the id_token's {0:?} is none of required_claims")]
    ClaimRefused(String),
    /// Microsoft Entra did not state the authentication context that was asked for.
    #[error("the id_token's acrs do not name the authentication context {0:?}")]
    ContextNotMet(String),
    /// Our own key cannot sign.
    #[error("client_key: {0}")]
    ClientKey(String),
    /// The callback has neither code nor error.
    #[error("the callback has no code")]
    CodeMissing,
    /// The provider does not know the code (any more).
    #[error("the token endpoint refused the code ({0}); it is used, expired or not ours")]
    CodeRejected(String),
    /// The provider vouches for no e-mail address.
    #[error("require_verified_email is set, and the provider sent no verified e-mail address")]
    EmailUnverified,
    /// The token's time is over.
    #[error("the id_token has expired")]
    Expired,
    /// The provider left groups out, and they cannot be had otherwise.
    #[error("the person's groups are not known: {0}")]
    GroupsMissing(String),
    /// The token's header asks for what is not done.
    #[error("the id_token's header has {0:?}, which is refused")]
    HeaderRefused(&'static str),
    /// The token endpoint gave no `id_token`.
    #[error("the token endpoint gave no id_token; is the scope openid allowed for this client?")]
    IdTokenMissing,
    /// The token is from the future.
    #[error("the id_token's iat is in the future; compare the clocks")]
    IssuedInFuture,
    /// The token is from somebody else.
    #[error("the id_token's iss is {0:?}, not the configured issuer")]
    IssuerWrong(String),
    /// No (single) key fits the token.
    #[error("no admissible key of the provider fits the id_token's kid {0:?}")]
    KeyUnknown(Option<String>),
    /// The token belongs to another login.
    #[error("the id_token's nonce is not this login's")]
    NonceWrong,
    /// The person is on none of the allow lists.
    #[error("the person is on none of the provider's allow lists")]
    NotAllowed,
    /// The token is not valid yet.
    #[error("the id_token's nbf is in the future; compare the clocks")]
    NotYetValid,
    /// The callback repeats a parameter, and which one counts is anybody's guess.
    #[error("the callback repeats {0}")]
    ParameterRepeated(&'static str),
    /// The callback is larger than an honest one.
    #[error("the callback's parameters are too long")]
    ParameterTooLong,
    /// The provider said no.
    #[error("the provider answered with the error {0:?}")]
    ProviderRefused(String),
    /// The callback came to another provider than the login was begun with.
    #[error("the login was begun with the provider {0}")]
    ProviderWrong(String),
    /// The callback lacks the `iss` that the provider promises (RFC 9207).
    #[error("the callback has no iss, which the provider's metadata promises")]
    ResponseIssuerMissing,
    /// The callback's `iss` is another issuer (RFC 9207).
    #[error("the callback's iss is {0:?}, not the configured issuer")]
    ResponseIssuerWrong(String),
    /// The signature is not the provider's.
    #[error("the id_token's signature is wrong")]
    SignatureWrong,
    /// The callback has no state.
    #[error("the callback has no state")]
    StateMissing,
    /// The person is of a tenant whose people may not come.
    #[error("the person is of the tenant {0}, which is not in `tenants`")]
    TenantRefused(String),
    /// The answer of the token endpoint cannot be used.
    #[error("the token endpoint's answer cannot be used: {0}")]
    TokenAnswerMalformed(&'static str),
    /// The token is no JWT as this client understands it.
    #[error("the id_token cannot be read: {0}")]
    TokenMalformed(JwsFault),
    /// The token endpoint refused this client.
    #[error("the token endpoint answered with {0:?}; check client_id and client_secret")]
    TokenRefused(String),
    /// The login took too long, or began in the future.
    #[error("the login was begun too long ago")]
    TransactionExpired,
    /// The provider cannot be asked right now.
    #[error("the provider is unavailable: {0}")]
    Unavailable(String),
    /// The userinfo answer cannot be used.
    #[error("the userinfo endpoint's answer cannot be used: {0}")]
    UserinfoMalformed(&'static str),
    /// The userinfo endpoint does not answer this access token.
    #[error("the userinfo endpoint refused the access token: it answered with {0}")]
    UserinfoRefused(http::StatusCode),
    /// The userinfo answer is about somebody else.
    #[error("the userinfo endpoint's sub is not the id_token's")]
    UserinfoSubjectWrong,
}

impl LoginFault {
    /// A stable code for logs, metrics and the error page.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AcrNotMet(_) | Self::ContextNotMet(_) => "login_acr_not_met",
            Self::AccessTokenHashWrong => "login_at_hash",
            Self::AlgorithmRefused(_) => "login_algorithm",
            Self::ApiRefused(_) => "login_api",
            Self::AudienceWrong => "login_audience",
            Self::AuthenticationTooOld => "login_auth_too_old",
            Self::AuthorizedPartyWrong => "login_azp",
            Self::ClaimMalformed(_) => "login_claim_malformed",
            Self::ClaimRefused(_) => "login_claim_refused",
            Self::ClientKey(_) => "login_client_key",
            Self::CodeMissing => "login_code_missing",
            Self::CodeRejected(_) => "login_code_rejected",
            Self::EmailUnverified => "login_email_unverified",
            Self::Expired => "login_token_expired",
            Self::GroupsMissing(_) => "login_groups_missing",
            Self::HeaderRefused(_) => "login_token_header",
            Self::IdTokenMissing => "login_id_token_missing",
            Self::IssuedInFuture => "login_issued_in_future",
            Self::IssuerWrong(_) => "login_issuer",
            Self::KeyUnknown(_) => "login_key_unknown",
            Self::NonceWrong => "login_nonce",
            Self::NotAllowed => "login_not_allowed",
            Self::NotYetValid => "login_not_yet_valid",
            Self::ParameterRepeated(_) => "login_parameter_repeated",
            Self::ParameterTooLong => "login_parameter_too_long",
            Self::ProviderRefused(_) => "login_provider_refused",
            Self::ProviderWrong(_) => "login_provider_wrong",
            Self::ResponseIssuerMissing => "login_response_issuer_missing",
            Self::ResponseIssuerWrong(_) => "login_response_issuer",
            Self::SignatureWrong => "login_signature",
            Self::StateMissing => "login_state_missing",
            Self::TenantRefused(_) => "login_tenant",
            Self::TokenAnswerMalformed(_) => "login_token_answer",
            Self::TokenMalformed(_) => "login_token_malformed",
            Self::TokenRefused(_) => "login_token_refused",
            Self::TransactionExpired => "login_too_slow",
            Self::Unavailable(_) => "login_provider_unavailable",
            Self::UserinfoMalformed(_) => "login_userinfo",
            Self::UserinfoRefused(_) => "login_userinfo_refused",
            Self::UserinfoSubjectWrong => "login_userinfo_subject",
        }
    }

    /// What the person may read: what to do, never what was checked.
    pub const fn public(&self) -> &'static str {
        match self {
            Self::AcrNotMet(_) | Self::AuthenticationTooOld | Self::ContextNotMet(_) => {
                "Please sign in again with a stronger or a fresh proof of who you are."
            }
            Self::EmailUnverified => {
                "Please verify your e-mail address with your sign-in provider."
            }
            Self::GroupsMissing(_) => {
                "Which groups you are in could not be found out, so you are not signed in."
            }
            Self::ClaimRefused(_) | Self::NotAllowed | Self::TenantRefused(_) => {
                "Your account may not sign in here."
            }
            Self::ProviderRefused(_) => "The sign-in was cancelled or refused by the provider.",
            Self::TransactionExpired | Self::CodeRejected(_) => {
                "This sign-in took too long or was already used. Please start again."
            }
            Self::Unavailable(_) => {
                "The sign-in provider cannot be reached right now. Please try again shortly."
            }
            _ => "The sign-in could not be completed. Please start again.",
        }
    }

    /// Whether trying again later may help: an answer of 503, where all others are 400 or 403.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the person is known but not wanted: an answer of 403.
    pub const fn is_forbidden(&self) -> bool {
        matches!(
            self,
            Self::ClaimRefused(_)
                | Self::EmailUnverified
                | Self::NotAllowed
                | Self::TenantRefused(_)
        )
    }
}

impl From<JwsFault> for LoginFault {
    fn from(fault: JwsFault) -> Self {
        match fault {
            JwsFault::Algorithm(name) => Self::AlgorithmRefused(name),
            JwsFault::Extension(name) => Self::HeaderRefused(name),
            JwsFault::Signature => Self::SignatureWrong,
            other => Self::TokenMalformed(other),
        }
    }
}
