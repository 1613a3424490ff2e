//! The configuration file as types: raw → checked. The doc comment of a field is its manual.
