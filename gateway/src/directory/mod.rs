//! Directories: who knows people by name and password.

mod account;
mod book;
mod file;
mod hash;
mod http;
mod member;

pub use account::AccountName;
pub use book::{Answer, Directory};
pub use file::FileDirectory;
pub use hash::{HashFault, PasswordHash};
pub use http::{HttpDirectory, HttpDirectorySettings};
pub use member::{Facts, Member, Members, MembersFault};
