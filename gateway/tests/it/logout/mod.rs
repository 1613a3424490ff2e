//! Every way of signing out that is not a click on our own page.

mod backchannel;
mod certified;
mod everywhere;
mod frontchannel;
mod hostile;
