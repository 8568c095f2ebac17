//! Trust policies: who may assume a role.

use serde_json::{Value, json};

use super::hub::IdentityKind;

/// What a trust policy says of a role that would assume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It may.
    Yes,
    /// It may not, and why.
    No(String),
    /// It depends on what cannot be told from here.
    Unknown(String),
}

/// What who assumes a role of a spoke has to be allowed. With pod identity the session of the hub's role carries tags that
/// are handed on, which is an action of its own (`sts:TagSession`); without it that would allow more than is needed.
pub fn assume_actions(kind: IdentityKind) -> &'static [&'static str] {
    match kind {
        IdentityKind::PodIdentity | IdentityKind::Capability => &["sts:AssumeRole", "sts:TagSession"],
        IdentityKind::Irsa => &["sts:AssumeRole"],
    }
}

/// The trust policy of a spoke's role: the hub's role may assume it.
pub fn trust_policy(hub_role: &str, kind: IdentityKind) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "ArgoCD",
            "Effect": "Allow",
            "Principal": {"AWS": hub_role},
            "Action": assume_actions(kind),
        }],
    })
}

/// The policy by which the hub's role may assume one role, and no other. As short as can be: all of them share the room that
/// IAM gives a role.
pub fn assume_policy(role: &str, kind: IdentityKind) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": assume_actions(kind),
            "Resource": role,
        }],
    })
}

/// Whether two policies say the same, but for the order and form of lists.
pub fn same_policy(a: &Value, b: &Value) -> bool {
    normal(a) == normal(b)
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    ("Action" | "Resource" | "AWS" | "Statement", one) if !one.is_array() => {
                        json!([normal(one)])
                    }
                    _ => normal(value),
                };
                (key.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(normal).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        other => other.clone(),
    }
}

/// Whether a trust policy lets the hub's role in, for all that it needs.
pub fn trusts(policy: &Value, hub_role: &str, kind: IdentityKind) -> Trust {
    let statements = list(&policy["Statement"]);
    if statements.iter().any(|statement| statement["Effect"] == "Deny") {
        return Trust::Unknown("its trust policy holds a Deny".into());
    }
    let mut missing = Vec::new();
    for action in assume_actions(kind) {
        let mut verdict = Trust::No(String::new());
        for statement in &statements {
            if statement["Effect"] != "Allow" || !allows(&statement["Action"], action) {
                continue;
            }
            let named = principals(&statement["Principal"]);
            if !named.iter().any(|name| names(name, hub_role)) {
                continue;
            }
            if statement["Condition"]
                .as_object()
                .is_some_and(|all| !all.is_empty())
            {
                verdict = Trust::Unknown("its trust policy sets conditions".into());
            } else {
                verdict = Trust::Yes;
                break;
            }
        }
        match verdict {
            Trust::Yes => {}
            Trust::No(_) => missing.push(*action),
            unknown @ Trust::Unknown(_) => return unknown,
        }
    }
    if missing.is_empty() {
        return Trust::Yes;
    }
    let deleted = statements
        .iter()
        .flat_map(|statement| principals(&statement["Principal"]))
        // IAM keeps the id of a principal that is gone, in the place of its ARN.
        .any(|name| name.starts_with("AROA") || name.starts_with("AIDA"));
    let hint = if deleted {
        "; it names a principal that was deleted, perhaps the hub's role before it was made anew"
    } else {
        ""
    };
    Trust::No(format!(
        "its trust policy does not allow {hub_role} {}{hint}",
        missing.join(" and ")
    ))
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn principals(value: &Value) -> Vec<&str> {
    if let Some(all) = value.as_str() {
        return vec![all];
    }
    list(&value["AWS"])
        .into_iter()
        .filter_map(Value::as_str)
        .collect()
}

/// A role is named by its ARN, its account (which then decides itself), or as one of all.
fn names(principal: &str, role: &str) -> bool {
    let account = role.split(':').nth(4).unwrap_or_default();
    principal == "*"
        || principal == role
        || (!account.is_empty()
            && (principal == account
                || (principal.starts_with("arn:") && principal.ends_with(&format!(":iam::{account}:root")))))
}

fn allows(actions: &Value, action: &str) -> bool {
    list(actions)
        .into_iter()
        .filter_map(Value::as_str)
        .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
}

/// `*` stands for any text, as IAM has it; `?` does not occur in practice and is taken as it is.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    last.map_or(rest.is_empty(), |last| text.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUB: &str = "arn:aws:iam::111122223333:role/path/hub";

    #[test]
    fn what_is_made_is_trusted() {
        for kind in [IdentityKind::PodIdentity, IdentityKind::Irsa] {
            assert_eq!(trusts(&trust_policy(HUB, kind), HUB, kind), Trust::Yes);
        }
        let irsa = trust_policy(HUB, IdentityKind::Irsa);
        assert!(!irsa.to_string().contains("TagSession"));
        let Trust::No(why) = trusts(&irsa, HUB, IdentityKind::PodIdentity) else {
            unreachable!("a pod identity session carries tags")
        };
        assert!(
            why.contains("sts:TagSession") && !why.contains("AssumeRole"),
            "{why}"
        );
        let right = assume_policy("arn:aws:iam::1:role/spoke", IdentityKind::PodIdentity);
        assert_eq!(right["Statement"][0]["Resource"], "arn:aws:iam::1:role/spoke");
    }

    #[test]
    fn forms_of_trust() {
        let policy = |principal: Value, action: Value| json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": action}});
        let yes = |policy: &Value| trusts(policy, HUB, IdentityKind::PodIdentity) == Trust::Yes;
        for principal in [
            json!({"AWS": HUB}),
            json!({"AWS": ["x", HUB]}),
            json!({"AWS": "arn:aws:iam::111122223333:root"}),
            json!({"AWS": "111122223333"}),
            json!("*"),
        ] {
            assert!(yes(&policy(principal.clone(), json!("sts:*"))), "{principal}");
        }
        assert!(!yes(&policy(json!({"AWS": HUB}), json!("sts:AssumeRole"))));
        assert!(!yes(&policy(
            json!({"Service": "pods.eks.amazonaws.com"}),
            json!("*")
        )));
        let mut conditional = policy(json!({"AWS": HUB}), json!("sts:*"));
        conditional["Statement"]["Condition"] = json!({"StringEquals": {"sts:ExternalId": "x"}});
        assert!(matches!(
            trusts(&conditional, HUB, IdentityKind::Irsa),
            Trust::Unknown(_)
        ));
        let Trust::No(why) = trusts(
            &policy(json!({"AWS": "AROAEXAMPLE"}), json!("sts:*")),
            HUB,
            IdentityKind::Irsa,
        ) else {
            unreachable!("an id is not the role")
        };
        assert!(why.contains("was deleted"), "{why}");
    }

    #[test]
    fn order_and_form_do_not_matter() {
        let a = json!({"Statement": [{"Action": ["b", "a"], "Resource": "r"}]});
        let b = json!({"Statement": {"Action": ["a", "b"], "Resource": ["r"]}});
        assert!(same_policy(&a, &b));
        assert!(!same_policy(&a, &json!({"Statement": []})));
    }

    #[test]
    fn stars() {
        for (pattern, text, expected) in [
            ("*", "x", true),
            ("sts:assume*", "sts:assumerole", true),
            ("s*s:*role", "sts:assumerole", true),
            ("sts:assumerole", "sts:assumerolewithsaml", false),
            ("*role", "sts:tagsession", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern}");
        }
    }
}
