//! Whole conversations of a browser with the pages.

mod backchannel;
mod fixture;
mod frontchannel;
mod login;
mod logout;
mod logout_everywhere;
mod pages;
mod step_up;
