//! The gateway in front of applications as people install them, with a real browser.

mod chainlit;
mod streamlit;
