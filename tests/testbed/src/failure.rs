//! Knows whether the test on this thread is failing, so that logs are printed only then.

use std::cell::Cell;

thread_local! {
    static NOTED: Cell<bool> = const { Cell::new(false) };
}

/// Remembers that something went wrong on this thread that will fail its test.
pub(crate) fn note() {
    NOTED.set(true);
}

/// Whether the test on this thread is failing, as far as can be known.
pub(crate) fn is_failing() -> bool {
    std::thread::panicking() || NOTED.get()
}
