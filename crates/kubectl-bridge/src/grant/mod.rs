//! Access of Argo CD in AWS: looks, and the steps of [`bridge_core::access`] run one by one.

mod hub;
mod observe;
mod run;
mod sides;
mod undo;

pub use hub::{Known, find as find_hub};
pub use observe::observe;
pub use run::run;
pub use sides::Sides;
pub use undo::{Undoing, by_hand};
