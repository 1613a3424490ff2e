//! Many people at once: whatever they do and however their connections end, each is taken for who they are.

mod logins;
mod seen;
mod traffic;
