//! Why access cannot be made so.

use serde_json::Value;

use super::room::INLINE_POLICIES;

/// Why access cannot be made so. Nothing was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AccessError {
    /// Access entries do not count there.
    #[error(
        "EKS cluster \"{cluster}\" has authentication mode CONFIG_MAP: access entries do not work there, nothing was changed; either \
         change it for good with \"aws eks update-cluster-config --name {cluster} --access-config \
         authenticationMode=API_AND_CONFIG_MAP\" and run this again once the cluster is ACTIVE, or map {principal} in ConfigMap \
         aws-auth there yourself and run this with --skip-access"
    )]
    ConfigMapMode {
        /// EKS name.
        cluster: String,
        /// Who would get the entry.
        principal: String,
    },
    /// EKS refuses such groups.
    #[error(
        "the group \"{0}\" cannot be given by an access entry: EKS refuses groups that begin with system:; say --access-policy \
             cluster-admin where system:masters is meant"
    )]
    SystemGroup(String),
    /// Nobody said how much access.
    #[error(
        "it is not said how much Argo CD may do on \"{cluster}\": say --access-policy cluster-admin, admin, edit or view (with \
         --access-namespaces for some namespaces only), or --skip-access to write the Secret only"
    )]
    NoPolicy {
        /// EKS name.
        cluster: String,
    },
    /// Not an entry that Argo CD could use.
    #[error(
        "the access entry of {principal} on \"{cluster}\" is of type {kind}, and only STANDARD ones can have policies; the type cannot \
         be changed: delete the entry, or use another role"
    )]
    EntryKind {
        /// EKS name.
        cluster: String,
        /// Principal.
        principal: String,
        /// Its type.
        kind: String,
    },
    /// Another hub works there.
    #[error(
        "{what} belongs to another hub, {hub}: unregister the cluster there first, or say --adopt to take it over"
    )]
    OtherHub {
        /// What is marked.
        what: String,
        /// ARN of the other hub.
        hub: String,
    },
    /// An entry of somebody else's that is not as wanted.
    #[error(
        "the access entry of {principal} on \"{cluster}\" was not made by this tool and differs from what is wanted: {}; change it \
         where it was made, say what it is with --access-policy, take it over with --adopt, or leave it with --skip-access",
        differences.join("; ")
    )]
    EntryDiffers {
        /// EKS name.
        cluster: String,
        /// Principal.
        principal: String,
        /// What differs.
        differences: Vec<String>,
    },
    /// The entry lets a role in that is gone.
    #[error(
        "the access entry of {principal} on \"{cluster}\" is older than the role: it was made for a role of that name which was \
         deleted, and lets nobody in; delete it with \"aws eks delete-access-entry\", or say --adopt to make it anew"
    )]
    StaleEntry {
        /// EKS name.
        cluster: String,
        /// Principal.
        principal: String,
    },
    /// The role to use is not there.
    #[error("IAM role {0} does not exist: --create-role makes one, --aws-role-arn names another")]
    RoleMissing(String),
    /// The role to make is there.
    #[error(
        "IAM role {0} exists and was not made by this tool: --aws-role-arn {0} uses it as it is, --adopt takes it over, --role-name \
         makes another"
    )]
    RoleExists(String),
    /// The role to make is another spoke's.
    #[error("IAM role {role} was made for another spoke, {spoke}: say --role-name for another one")]
    RoleOfOtherSpoke {
        /// ARN.
        role: String,
        /// ARN of the spoke.
        spoke: String,
    },
    /// The role to make is there under another path.
    #[error(
        "IAM role {found} exists, and {wanted} is wanted: role names are unique whatever their path; leave --role-path as it was, or say \
         --role-name"
    )]
    RolePath {
        /// ARN that exists.
        found: String,
        /// ARN that was asked for.
        wanted: String,
    },
    /// The role cannot be looked at.
    #[error("cannot tell whether IAM role {role} exists ({why}), and so not make it")]
    RoleUnseen {
        /// ARN.
        role: String,
        /// Why.
        why: String,
    },
    /// The role does not trust the hub.
    #[error("Argo CD cannot assume {role}: {why}; it needs a trust policy such as {policy}")]
    NoTrust {
        /// ARN.
        role: String,
        /// Why not.
        why: String,
        /// What would do.
        policy: Box<Value>,
    },
    /// The hub's role has no room for the right.
    #[error(
        "{hub_role} has no room for the right to assume {role}: its inline policies take {used} of the {INLINE_POLICIES} characters \
         that IAM allows on a role, and this one needs {needed}; nothing was changed. {way_out}"
    )]
    NoRoom {
        /// ARN of the hub's role.
        hub_role: String,
        /// ARN of the spoke's role.
        role: String,
        /// Characters in use.
        used: usize,
        /// Characters that it needs.
        needed: usize,
        /// What to do.
        way_out: String,
    },
    /// The hub may not.
    #[error(
        "{hub_role} may not assume {role}, which is in another account: it needs a policy such as {policy}"
    )]
    NoRight {
        /// ARN of the hub's role.
        hub_role: String,
        /// ARN of the spoke's role.
        role: String,
        /// What would do.
        policy: Box<Value>,
    },
}
