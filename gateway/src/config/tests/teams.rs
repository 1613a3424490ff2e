use super::support::{faults, loaded};

const PROVIDER: &str = "[providers.entra]\nkind = \"oidc\"\n\
    issuer = \"https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0\"\n\
    client_id = \"app\"\n";
