//! Buffers that are in nobody's use just now.

use std::cell::RefCell;

/// What one read takes at most: a TLS record, and more than an ordinary head or answer.
const SIZE: usize = 16 * 1024;

/// Buffers that a thread keeps, so that a busy proxy neither asks the allocator nor clears memory
/// for each read, and an idle one gives its memory back.
const KEPT: usize = 16;

/// Room for the head of a message with an ordinary token, and for a small body behind it.
const HEAD: usize = 4 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static HEADS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread's spare buffers. What is in one is left over from some other connection:
/// whoever takes it must read only what they wrote.
#[derive(Debug)]
pub struct Spare;

impl Spare {
    /// A buffer of 16 KiB, with anything in it.
    pub fn take() -> Vec<u8> {
        let kept = SPARE.try_with(|spare| spare.borrow_mut().pop()).ok().flatten();
        kept.unwrap_or_else(|| vec![0; SIZE])
    }

    /// Gives a buffer back. One that has grown goes to the allocator.
    pub fn give(buffer: Vec<u8>) {
        if buffer.len() != SIZE {
            return;
        }
        // A thread that is ending has no spare buffers any more.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(buffer);
            }
        });
    }

    /// An empty buffer to write heads into.
    pub fn take_empty() -> Vec<u8> {
        let kept = HEADS.try_with(|heads| heads.borrow_mut().pop()).ok().flatten();
        kept.unwrap_or_else(|| Vec::with_capacity(HEAD))
    }

    /// Gives a buffer for heads back.
    pub fn give_empty(mut buffer: Vec<u8>) {
        if !(HEAD..=SIZE).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        let _ = HEADS.try_with(|heads| {
            let mut heads = heads.borrow_mut();
            if heads.len() < KEPT {
                heads.push(buffer);
            }
        });
    }
}
