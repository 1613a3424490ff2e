//! Sessions: the record, the durable store, the manager, and the live streams bound to them.
