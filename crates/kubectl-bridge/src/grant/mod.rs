//! Access of Argo CD in AWS: looks, and the steps of [`bridge_core::access`] run one by one.

mod hub;
mod observe;
mod run;
mod sides;
mod undo;

pub use hub::{Known, arn as hub_arn, find as find_hub};
pub use observe::{all_entries, observe};
pub use run::run;
pub use sides::{HubSide, Sides};
pub use undo::{Undoing, by_hand};
