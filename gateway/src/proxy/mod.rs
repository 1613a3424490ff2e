//! The only place that speaks pingora's phases; translation, no decisions.
