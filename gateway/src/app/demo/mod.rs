//! What `portcullis demo` needs beside the gateway.

pub mod provider;
