use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::thread;

use crate::base::schedule::{explore, point};
use crate::session::events::EndCause;
use crate::session::handle::Handle;
use crate::session::manager::SessionManager;
use crate::session::schedules::world::{Shared, sign_in};

/// Opens a stream as a request does: it is decided, and some time later it is registered.
fn open(manager: &Arc<SessionManager>, handle: &Handle, stays: bool) {
    if block_on(manager.find(handle)).unwrap().is_none() {
        return;
    }
    point();
    let stream = manager.live().register(handle.key()).unwrap();
    point();
    if stays {
        // One that is never told would wait here for ever, which ends the test.
        assert_eq!(block_on(stream.ended()), EndCause::Logout);
    }
}

#[test]
fn no_stream_outlives_its_session_whenever_it_was_opened() {
    for failures in [0, 1] {
        explore(1_000, move || {
            let manager = Shared::new().failing(failures);
            let handle = block_on(sign_in(&manager));
            let opened = [true, true, false, true].map(|stays| {
                let (manager, handle) = (Arc::clone(&manager), handle.clone());
                thread::spawn(move || open(&manager, &handle, stays))
            });
            let ended = block_on(manager.end(&handle.key(), EndCause::Logout));
            assert_eq!(ended.is_ok(), failures == 0);
            for stream in opened {
                stream.join().unwrap();
            }
            assert_eq!((manager.live().open(), manager.live().sessions().len()), (0, 0));
        });
    }
}
