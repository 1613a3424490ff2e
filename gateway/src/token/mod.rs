//! The identity token: keys, rotation, minting.
