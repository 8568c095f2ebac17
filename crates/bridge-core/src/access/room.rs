//! Room for the right to assume roles: what IAM takes on one role, and the way out where it is used up.

use serde_json::{Value, json};

use super::{
    plan::{AccessPlan, account},
    step::Do,
};

/// Characters of all inline policies of one role together, white space not counted ("IAM and AWS STS quotas" in IAM's user
/// guide). It cannot be raised.
pub const INLINE_POLICIES: usize = 10_240;

/// Path to suggest where the roles of spokes have none.
const PATH: &str = "/argocd/";

/// How long a policy is as IAM counts it: without white space.
pub fn policy_size(policy: &Value) -> usize {
    let text = policy.to_string();
    text.chars().filter(|letter| !letter.is_whitespace()).count()
}

/// What to do once instead of adding a right such as this `policy` for each role: one managed policy for all roles below a
/// path of an account. It does not count as an inline one, and where the hub's role may assume a role already nothing is added.
pub fn way_out(hub_role: &str, role: &str, policy: &Value) -> String {
    let (start, resource) = role.split_once(":role").unwrap_or((role, "/"));
    let given = resource.rfind('/').map_or("/", |end| &resource[..=end]);
    let path = if given == "/" { PATH } else { given };
    let mut policy = policy.clone();
    policy["Statement"][0]["Resource"] = json!(format!("{start}:role{path}*"));
    let name = format!("argocd-spokes-{}", account(role));
    let (hub_start, _) = hub_role.split_once(":role").unwrap_or((hub_role, ""));
    let hub_name = hub_role.rsplit('/').next().unwrap_or(hub_role);
    let again = if given == "/" {
        format!("then run this again with --role-path {path}")
    } else {
        "then run this again".to_owned()
    };
    format!(
        "Let it assume all roles of account {} below {path} once, by a managed policy (it takes the paths of about 100 accounts), \
         {again}; or say --access direct, which needs no right:\n  \
         aws iam create-policy --policy-name {name} --policy-document '{policy}'\n  \
         aws iam attach-role-policy --role-name {hub_name} --policy-arn {hub_start}:policy/{name}",
        account(role)
    )
}

/// Why the rights that several plans add to the hub's role do not fit there together, though each of them does.
pub fn no_room_for_all<'a>(plans: impl IntoIterator<Item = &'a AccessPlan>) -> Option<String> {
    let (mut used, mut rights) = (0, Vec::new());
    for plan in plans {
        used = used.max(plan.hub_inline.unwrap_or_default());
        rights.extend(plan.steps.iter().filter_map(|step| match &step.does {
            Do::PutHubPolicy {
                hub_role,
                role,
                policy,
                ..
            } => Some((hub_role, role, policy)),
            _ => None,
        }));
    }
    let mut left = INLINE_POLICIES.saturating_sub(used);
    let fitting = rights
        .iter()
        .take_while(|(.., policy)| match left.checked_sub(policy_size(policy)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        })
        .count();
    let (hub_role, role, policy) = *rights.get(fitting)?;
    let mut others: Vec<&str> = rights.iter().map(|(_, role, _)| account(role)).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|other| *other != account(role));
    let others = if others.is_empty() {
        String::new()
    } else {
        format!("\nThe same for {}.", others.join(", "))
    };
    Some(format!(
        "{hub_role} has room for {fitting} of the {} rights to assume a role that it would get, and nothing was changed. {}{others}",
        rights.len(),
        way_out(hub_role, role, policy)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{IdentityKind, assume_policy};

    const HUB: &str = "arn:aws:iam::111122223333:role/team/argocd-hub";

    #[test]
    fn as_many_spokes_as_are_said() {
        let role = "arn:aws:iam::444455556666:role/argocd-spoke-us-west-2-dev";
        let one = policy_size(&assume_policy(role, IdentityKind::PodIdentity));
        assert_eq!(INLINE_POLICIES / one, 59, "{one}");
        assert_eq!(
            policy_size(&json!({"a b": [1, "\t"]})),
            r#"{"ab":[1,"\t"]}"#.len()
        );
        // What is said of a managed policy, 6,144 characters: paths of 100 accounts.
        let paths: Vec<String> = (0..100)
            .map(|at| format!("arn:aws:iam::{at:012}:role/argocd/*"))
            .collect();
        let policy = json!({"Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": paths}]});
        assert!(policy_size(&policy) < 6_144);
    }

    #[test]
    fn a_pattern_is_never_of_all_roles() {
        let told = |role: &str| way_out(HUB, role, &assume_policy(role, IdentityKind::Irsa));
        let without = told("arn:aws:iam::444455556666:role/dev");
        for part in [
            r#""Resource":"arn:aws:iam::444455556666:role/argocd/*""#,
            "--role-name argocd-hub --policy-arn arn:aws:iam::111122223333:policy/argocd-spokes-444455556666",
            "again with --role-path /argocd/;",
        ] {
            assert!(without.contains(part), "{part}: {without}");
        }
        let with = told("arn:aws-cn:iam::444455556666:role/a/b/dev");
        assert!(
            with.contains("arn:aws-cn:iam::444455556666:role/a/b/*") && !with.contains("--role-path"),
            "{with}"
        );
    }
}
