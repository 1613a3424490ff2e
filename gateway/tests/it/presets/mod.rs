//! Routes that are made for an app: what the app receives, and what it does not.

mod app_cookies;
mod chainlit;
mod each;
mod house;
