//! Directories: who knows people by name and password.

mod account;
mod book;
mod file;
mod hash;
mod hash_pool;
mod http;
mod ldap;
mod member;
mod sql;
mod stand_ins;
#[cfg(test)]
mod timing;
mod tls;

pub use account::{AccountKey, AccountName};
pub use book::{Answer, Directory};
pub use file::FileDirectory;
pub use hash::{HashFault, PasswordHash};
pub use hash_pool::{HashBench, HashPool};
pub use http::{HttpDirectory, HttpDirectorySettings};
pub use ldap::{LdapDirectory, LdapFinding, LdapGroups, LdapSettings};
pub use member::{Facts, Member, Members, MembersFault};
pub use sql::{
    PeopleTable, PostgresSettings, PostgresTable, SqlDirectory, SqliteTable, Statements,
};
pub use tls::trusting;
