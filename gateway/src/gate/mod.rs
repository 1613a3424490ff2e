//! The decision: route → ways in → policy → token. No socket in sight.
