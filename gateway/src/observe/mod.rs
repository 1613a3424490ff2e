//! Words for logs and metrics; knows nothing of who uses them.
