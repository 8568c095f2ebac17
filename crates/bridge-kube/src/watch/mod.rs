//! Follows a hub: its fleet, and its ApplicationSets.
//!
//! Our own list and watch loop, because the age of the view counts from the last proof of life, and the common watchers
//! keep to themselves when they last had one. What is followed is a [`FleetView`]: the newest complete fleet, and how old
//! the last proof is.
//!
//! Each `follow_…` function gives a reading half and a future. The future never ends by itself: spawn it, and treat its
//! end as the end of the program.

mod application_sets;
mod backoff;
mod collection;
mod fleet;
mod folder;
mod slim;
mod view;

pub use application_sets::{Namespaces, NamespacesError, SeenSet, SetEvent, follow_application_sets};
pub use collection::{Pace, Restarts};
pub use fleet::follow_fleet;
pub use folder::follow_folder;
pub use view::{FleetView, NoFleet, State};
