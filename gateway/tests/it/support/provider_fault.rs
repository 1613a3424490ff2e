//! What the test provider does wrong on demand.

/// What the provider does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// The ID token's signature has no algorithm.
    AlgorithmNone,
    BadSignature,
    /// The answer to the browser names another issuer (RFC 9207).
    CallbackIssuerWrong,
    /// The answer to the browser names none, although the metadata promise it.
    CallbackIssuerMissing,
    /// States no authentication context, whatever is asked for.
    DeafToClaims,
    /// `error=access_denied`, with HTML in the description.
    Denied,
    /// The metadata are another issuer's.
    DiscoveryIssuerWrong,
    Expired,
    ForeignAuthorizedParty,
    FromTheFuture,
    /// People signed in here so many seconds ago, whatever was asked for.
    AuthenticatedAgo(i64),
    /// HS256 with the public key as the secret.
    HmacWithPublicKey,
    /// Every answer of the token endpoint is 10 MB long.
    Huge,
    MissingSubject,
    NotJson,
    ServerError,
    /// Tokens live for five seconds, and refreshed ones are of the session `moved`.
    SidMoves,
    /// The token endpoint never answers.
    Silent,
    UnknownKid,
    WrongAudience,
    WrongIssuer,
    WrongNonce,
}
