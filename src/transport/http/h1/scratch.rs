//! The buffers of a thread. All its exchanges use the same two, one poll at a time.

use std::cell::RefCell;

/// The most that is read at once.
const READ: usize = 64 * 1024;

/// What the writing buffer keeps of its size.
const MAX_WRITE: usize = 64 * 1024;

thread_local! {
    static READING: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into_boxed_slice());
    static WRITING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends the buffer for what comes in. What `work` wants to keep it has to copy.
pub fn read<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    READING.with_borrow_mut(|buffer| work(buffer))
}

/// Lends the buffer for what goes out, empty.
pub fn write<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    WRITING.with_borrow_mut(|buffer| {
        buffer.clear();
        let done = work(buffer);
        if buffer.capacity() > MAX_WRITE {
            *buffer = Vec::new();
        }
        done
    })
}
