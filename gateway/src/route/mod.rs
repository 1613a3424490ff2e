//! Host, path and method patterns, and the table that finds the most specific one.
