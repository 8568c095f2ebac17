//! Access of Argo CD to a spoke: what is there, what is wanted, and the steps in between.

mod addon_roles;
mod error;
mod hub;
mod mark;
mod observed;
mod plan;
mod policy;
mod role_name;
mod room;
mod step;
#[cfg(test)]
mod tests;
mod trust;
mod undo;

pub use addon_roles::addon_roles;
pub use error::AccessError;
pub use hub::{
    HubIdentity, HubRole, HubRoleError, IRSA, IdentityKind, SERVICE_ACCOUNTS, argo_cd_capability, hub_role,
};
pub use mark::{Grants, HUB_TAG, Owner, SPOKE_TAG, marks, owner};
pub use observed::{
    AccessEntry, AssociatedPolicy, Capability, NewRole, PodIdentity, Role, Scope, Tags, made_after,
};
pub use plan::{AccessPlan, Observed, RoleWanted, Seen, Wanted, account, hub_policy_name, is_hub_policy};
pub use policy::{NotAPolicy, policy_arn, policy_name};
pub use role_name::{RoleNameError, role_arn};
pub use room::{INLINE_POLICIES, no_room_for_all, policy_size, way_out};
pub use step::{Do, Side, Step, StepView};
pub use trust::{Trust, assume_actions, assume_policy, same_policy, trust_policy, trusts};
pub use undo::{Remains, Undo};
