//! People in databases and in LDAP, with real servers that are there, away or silent.

mod ldap;
mod ldap_timing;
mod order;
mod postgres;
mod spellings;
