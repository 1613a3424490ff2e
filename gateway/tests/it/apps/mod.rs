//! The gateway in front of applications as people install them, with a real browser.

mod aiq;
mod chainlit;
mod gradio;
mod nat;
mod streamlit;
