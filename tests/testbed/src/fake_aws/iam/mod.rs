//! IAM (2010-05-08), the operations on roles and what concerns them.

mod managed_policies;
mod policies;
mod quotas;
mod roles;
mod simulate;
mod tags;

use super::call::{Handler, Operation};

/// The operation that a form names.
pub(super) fn route(action: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == action)
}

const fn operation(name: &'static str, changes: bool, run: Handler) -> Operation {
    Operation {
        name,
        route: "",
        changes,
        run,
    }
}

pub(super) const OPERATIONS: &[Operation] = &[
    operation("GetRole", false, roles::get),
    operation("ListRoles", false, roles::list),
    operation("CreateRole", true, roles::create),
    operation("UpdateRole", true, roles::update),
    operation("UpdateAssumeRolePolicy", true, roles::update_trust),
    operation("DeleteRole", true, roles::delete),
    operation("TagRole", true, tags::tag),
    operation("UntagRole", true, tags::untag),
    operation("ListRoleTags", false, tags::list),
    operation("PutRolePolicy", true, policies::put),
    operation("GetRolePolicy", false, policies::get),
    operation("DeleteRolePolicy", true, policies::delete),
    operation("ListRolePolicies", false, policies::list),
    operation("AttachRolePolicy", true, policies::attach),
    operation("DetachRolePolicy", true, policies::detach),
    operation("ListAttachedRolePolicies", false, policies::list_attached),
    operation("CreatePolicy", true, managed_policies::create),
    operation("GetPolicy", false, managed_policies::get),
    operation("DeletePolicy", true, managed_policies::delete),
    operation("SimulatePrincipalPolicy", false, simulate::principal),
];
