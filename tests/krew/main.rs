//! What krew would install: the manifest by the rules of its validator, the archive, and the program out of it through
//! the real kubectl.
#![expect(
    clippy::unwrap_used,
    reason = "what goes wrong in a helper is a failed test, with the place where it went wrong"
)]

mod control_plane;
mod manifest;
mod package;
mod template;
