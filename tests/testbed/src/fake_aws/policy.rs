//! Policy documents: what they say about who may do what. No more of the language than trust between roles needs.

use serde_json::Value;

use super::reply::Refusal;

/// What a trust policy says of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    No,
    /// It trusts the principal's account, which decides by its own policies.
    Account,
    /// It names the principal.
    Principal,
}

/// Who asks, and with what: the keys that conditions can look at.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    pub(super) account: &'a str,
    /// The ARNs that it is known by: of the role, of the session, of the user.
    pub(super) arns: Vec<&'a str>,
    pub(super) external_id: Option<&'a str>,
}

/// What a trust policy says.
pub(super) fn trusts(document: &Value, asker: &Asker<'_>, action: &str) -> Trust {
    let mut trust = Trust::No;
    for statement in list(&document["Statement"]) {
        let named = names(&statement["Principal"], asker);
        if named == Trust::No || !says(&statement["Action"], action) || !holds(&statement["Condition"], asker)
        {
            continue;
        }
        if statement["Effect"] == "Deny" {
            return Trust::No;
        }
        if trust != Trust::Principal {
            trust = named;
        }
    }
    trust
}

/// Whether an identity policy has a statement of this effect (`Allow`, `Deny`) on the action and the resource.
pub(super) fn hits(document: &Value, effect: &str, action: &str, resource: &str) -> bool {
    list(&document["Statement"]).iter().any(|statement| {
        statement["Effect"] == effect
            && says(&statement["Action"], action)
            && strings(&statement["Resource"])
                .iter()
                .any(|pattern| matches(pattern, resource))
    })
}

/// How long a document is as IAM counts it: without white space.
pub(super) fn size(document: &Value) -> usize {
    let text = document.to_string();
    text.chars().filter(|letter| !letter.is_whitespace()).count()
}

/// The AWS principals that a document names.
pub(super) fn aws_principals(document: &Value) -> Vec<String> {
    list(&document["Statement"])
        .iter()
        .flat_map(|statement| strings(&statement["Principal"]["AWS"]))
        .map(str::to_owned)
        .collect()
}

/// The document with each AWS principal changed.
pub(super) fn map_aws_principals(document: &Value, change: impl Fn(&str) -> String) -> Value {
    let mut document = document.clone();
    let statements = match &mut document["Statement"] {
        Value::Array(statements) => statements.iter_mut().collect(),
        statement @ Value::Object(_) => vec![statement],
        _ => Vec::new(),
    };
    for statement in statements {
        match statement.pointer_mut("/Principal/AWS") {
            Some(Value::String(name)) => *name = change(name),
            Some(Value::Array(names)) => {
                for name in names {
                    if let Value::String(name) = name {
                        *name = change(name);
                    }
                }
            }
            _ => {}
        }
    }
    document
}

/// Reads a trust policy as IAM does before it stores it, all but whether its principals exist.
pub(super) fn parse_trust(text: &str) -> Result<Value, Refusal> {
    let document = parse(text)?;
    for statement in list(&document["Statement"]) {
        if statement["Principal"].is_null() {
            return Err(malformed("Missing required field Principal"));
        }
        if !statement["Resource"].is_null() {
            return Err(malformed("Has prohibited field Resource"));
        }
        let actions = strings(&statement["Action"]);
        if actions.is_empty() || !actions.iter().all(|action| action.starts_with("sts:")) {
            return Err(malformed(
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ));
        }
    }
    Ok(document)
}

/// Reads an identity policy.
pub(super) fn parse_identity(text: &str) -> Result<Value, Refusal> {
    let document = parse(text)?;
    for statement in list(&document["Statement"]) {
        if !statement["Principal"].is_null() {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if statement["Resource"].is_null() && statement["NotResource"].is_null() {
            return Err(malformed("Policy statement must contain resources."));
        }
        if strings(&statement["Action"]).is_empty() && statement["NotAction"].is_null() {
            return Err(malformed("Policy statement must contain actions."));
        }
    }
    Ok(document)
}

pub(super) fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "MalformedPolicyDocument", message)
}

fn parse(text: &str) -> Result<Value, Refusal> {
    let document: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let statements = list(&document["Statement"]);
    let fine = |statement: &&Value| {
        ["Allow", "Deny"]
            .iter()
            .any(|effect| statement["Effect"] == *effect)
    };
    if statements.is_empty() || !statements.iter().all(fine) {
        return Err(malformed("Syntax errors in policy."));
    }
    Ok(document)
}

fn names(principal: &Value, asker: &Asker<'_>) -> Trust {
    if principal == "*" {
        return Trust::Principal;
    }
    let root = format!(":iam::{}:root", asker.account);
    let names = strings(&principal["AWS"]);
    let names = names.iter();
    let each = |name: &&str| {
        if *name == "*" || asker.arns.contains(name) {
            Trust::Principal
        } else if *name == asker.account || name.ends_with(&root) {
            Trust::Account
        } else {
            Trust::No
        }
    };
    let said: Vec<Trust> = names.map(each).collect();
    [Trust::Principal, Trust::Account]
        .into_iter()
        .find(|trust| said.contains(trust))
        .unwrap_or(Trust::No)
}

/// Whether all conditions hold. A key that the asker does not have, or an operator that is not known here, does not.
fn holds(condition: &Value, asker: &Asker<'_>) -> bool {
    let Some(operators) = condition.as_object() else {
        return true;
    };
    operators.iter().all(|(operator, keys)| {
        let known = ["StringEquals", "StringLike", "ArnEquals", "ArnLike"].contains(&operator.as_str());
        known
            && keys.as_object().is_some_and(|keys| {
                keys.iter().all(|(key, wanted)| {
                    let had = match key.to_ascii_lowercase().as_str() {
                        "sts:externalid" => asker.external_id,
                        "aws:principalarn" => asker.arns.first().copied(),
                        "aws:principalaccount" => Some(asker.account),
                        _ => None,
                    };
                    had.is_some_and(|had| {
                        strings(wanted).iter().any(|wanted| {
                            *wanted == had || (operator != "StringEquals" && matches(wanted, had))
                        })
                    })
                })
            })
    })
}

fn says(actions: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    strings(actions)
        .iter()
        .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
}

/// `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len())
                .filter(|&at| text.is_char_boundary(at))
                .any(|at| matches(rest, &text[at..]))
        }),
    }
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).into_iter().filter_map(Value::as_str).collect()
}
