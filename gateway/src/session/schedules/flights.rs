use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use shuttle::future::{block_on, spawn, yield_now};

use crate::base::schedule::explore;
use crate::session::fence::{Fence, Passage};
use crate::session::flights::{Flights, Since};
use crate::session::handle::SessionKey;
use crate::session::horizon::Moment;

const KEY: SessionKey = [1; 32];

struct Sky {
    flights: Flights,
    fence: Fence,
    /// The last read that began, while it is under way: its number, and from when its answer is.
    under_way: Mutex<Option<(usize, Moment)>>,
    reads: AtomicUsize,
}

/// One read, until it has landed or been given up.
struct UnderWay(Arc<Sky>, usize);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.lock().unwrap().take_if(|(number, _)| *number == self.1);
    }
}

/// Asks for what was so at `moment` or later.
async fn ask(sky: Arc<Sky>, moment: Moment) {
    let Passage::Open(generation) = sky.fence.passage(&KEY) else { panic!("shut") };
    let begin = || {
        let number = sky.reads.fetch_add(1, Ordering::SeqCst);
        let other = sky.under_way.lock().unwrap().replace((number, moment));
        let may_join = other.is_some_and(|(_, began)| began >= moment);
        assert!(!may_join, "a second read for {moment} beside {other:?}");
        let read = UnderWay(Arc::clone(&sky), number);
        async move {
            for _ in 0..3 {
                yield_now().await;
            }
            drop(read);
            Ok(None)
        }
        .boxed()
    };
    let since = Since { generation, moment };
    let (began, _) = sky.flights.read(KEY, since, |at| at.moment >= moment, begin).await;
    assert!(began.moment >= moment, "asked at {moment}, and learnt what was so at {began:?}");
}

#[test]
fn one_read_answers_all_whom_it_may_answer_whoever_gives_up() {
    explore(3_000, || {
        let (flights, fence) = (Flights::new(), Fence::new(10));
        let (under_way, reads) = Default::default();
        let sky = Arc::new(Sky { flights, fence, under_way, reads });
        let stay = [1, 2, 2, 1, 2].map(|moment| spawn(ask(Arc::clone(&sky), moment)));
        let leave = [2, 1].map(|moment| spawn(ask(Arc::clone(&sky), moment)));
        leave.iter().for_each(shuttle::future::JoinHandle::abort);
        for task in stay {
            block_on(task).expect("everybody who stays has an answer");
        }
        for task in leave {
            let _ = block_on(task);
        }
        assert!(sky.under_way.lock().unwrap().is_none() && sky.flights.is_empty(), "a leak");
    });
}
