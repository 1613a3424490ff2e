//! Tests of the whole of the configuration: bad files, examples, generated pages.

mod bad_files;
mod checks;
mod client_certificates;
mod directories;
mod entrances;
mod examples;
mod generated;
mod issuers;
mod presets;
mod providers;
mod proxies;
mod session;
mod support;
mod teams;
