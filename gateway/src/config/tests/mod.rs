//! Tests of the whole of the configuration: bad files, examples, generated pages.

mod bad_files;
mod checks;
mod directories;
mod entrances;
mod examples;
mod generated;
mod issuers;
mod providers;
mod proxies;
mod support;
mod teams;
