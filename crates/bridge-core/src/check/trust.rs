//! Trust policies, read as far as they decide whether one role may assume another.

use serde_json::Value;

/// Whether a trust policy lets this principal do this (`sts:AssumeRole`, `sts:TagSession`), conditions aside. `Ok(false)`: no
/// statement names it. `Err`: a statement may, and what decides is not in the policy alone: why.
pub fn may_assume(trust: &Value, principal: &str, action: &str) -> Result<bool, String> {
    let statements = list(trust.get("Statement"));
    let mut maybe = None;
    for statement in statements {
        if statement.get("Action").is_none()
            || !texts(statement.get("Action")).any(|word| covers(word, action))
        {
            continue;
        }
        if !names(statement.get("Principal"), principal) {
            continue;
        }
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Deny") => return Ok(false),
            Some("Allow") if statement.get("Condition").is_none() => maybe = Some(Ok(true)),
            Some("Allow") if maybe.is_none() => {
                maybe = Some(Err("a condition in the trust policy decides".to_owned()));
            }
            _ => {}
        }
    }
    maybe.unwrap_or(Ok(false))
}

/// One or many.
fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (many, one) = match value {
        Some(Value::Array(many)) => (many.as_slice(), None),
        one => (&[][..], one),
    };
    many.iter().chain(one)
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}

/// Actions do not mind case, and end in `*` at most.
fn covers(word: &str, action: &str) -> bool {
    match word.strip_suffix('*') {
        Some(start) => action
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start)),
        None => word.eq_ignore_ascii_case(action),
    }
}

/// By its ARN, or through its account.
fn names(who: Option<&Value>, principal: &str) -> bool {
    let parts: Vec<&str> = principal.splitn(6, ':').collect();
    let account = parts.get(4).copied().unwrap_or_default();
    let root = match parts.as_slice() {
        [arn, partition, ..] => format!("{arn}:{partition}:iam::{account}:root"),
        _ => String::new(),
    };
    let aws = match who {
        Some(Value::Object(kinds)) => kinds.get("AWS"),
        other => other,
    };
    texts(aws).any(|word| word == "*" || word == principal || word == root || word == account)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HUB: &str = "arn:aws:iam::111122223333:role/path/hub";

    fn statement(principal: &Value, action: &Value) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": action})
    }

    #[test]
    fn who_may() {
        let assume = || json!("sts:AssumeRole");
        for (statement, may) in [
            (statement(&json!({"AWS": HUB}), &assume()), true),
            (
                statement(
                    &json!({"AWS": ["x", HUB]}),
                    &json!(["sts:TagSession", "sts:assumerole"]),
                ),
                true,
            ),
            (
                statement(&json!({"AWS": "arn:aws:iam::111122223333:root"}), &json!("sts:*")),
                true,
            ),
            (statement(&json!({"AWS": "111122223333"}), &json!("*")), true),
            (statement(&json!("*"), &assume()), true),
            // A role that was deleted stands there by its id.
            (statement(&json!({"AWS": "AROAEXAMPLE"}), &assume()), false),
            (
                statement(&json!({"AWS": "arn:aws:iam::111122223333:role/hub"}), &assume()),
                false,
            ),
            (statement(&json!({"AWS": HUB}), &json!("sts:TagSession")), false),
            (
                statement(&json!({"Service": "pods.eks.amazonaws.com"}), &assume()),
                false,
            ),
        ] {
            let trust = json!({"Statement": [statement]});
            assert_eq!(may_assume(&trust, HUB, "sts:AssumeRole"), Ok(may), "{trust}");
            let trust = json!({"Statement": statement});
            assert_eq!(may_assume(&trust, HUB, "sts:AssumeRole"), Ok(may), "{trust}");
        }
        assert_eq!(may_assume(&json!({}), HUB, "sts:AssumeRole"), Ok(false));
    }

    #[test]
    fn conditions_and_denials() {
        let mut conditional = statement(&json!({"AWS": HUB}), &json!("sts:AssumeRole"));
        conditional["Condition"] = json!({"StringEquals": {"sts:ExternalId": "x"}});
        let trust = json!({"Statement": [conditional]});
        assert!(may_assume(&trust, HUB, "sts:AssumeRole").is_err());
        let mut denied = statement(&json!("*"), &json!("sts:AssumeRole"));
        denied["Effect"] = json!("Deny");
        let trust = json!({"Statement": [statement(&json!({"AWS": HUB}), &json!("sts:*")), denied]});
        assert_eq!(may_assume(&trust, HUB, "sts:AssumeRole"), Ok(false));
    }
}
