//! Whole conversations of a browser with the pages.

mod fixture;
mod login;
mod logout;
mod pages;
mod step_up;
