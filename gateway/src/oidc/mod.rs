//! OpenID Connect relying party: discovery, keys, one login from start to claims.
