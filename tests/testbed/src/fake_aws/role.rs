use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::DEFAULT_ACCOUNT;
use super::delay::Waiting;

/// An IAM role. Fill in what matters and take the rest from `IamRole::default()` or [`IamRole::named`].
#[derive(Clone, Debug, PartialEq)]
pub struct IamRole {
    /// Its name.
    pub name: String,
    /// Its path, `/` by default; it begins and ends with `/`.
    pub path: String,
    /// Its account, `111122223333` by default.
    pub account: String,
    /// `aws` by default.
    pub partition: String,
    /// Its trust policy; by default its own account may assume it.
    pub trust: Value,
    /// Its description.
    pub description: String,
    /// The longest session, in seconds.
    pub max_session: u64,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its inline policies, documents by name.
    pub inline: BTreeMap<String, Value>,
    /// The ARNs of the policies attached to it.
    pub attached: Vec<String>,
    /// Its unique id, `AROA…`. Empty when adding one: AWS makes it.
    pub id: String,
    /// When it was created, in seconds since 1970. 0 when adding one: now.
    pub created_at: i64,
}

impl Default for IamRole {
    fn default() -> Self {
        Self {
            name: "role".to_owned(),
            path: "/".to_owned(),
            account: DEFAULT_ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            trust: Value::Null,
            description: String::new(),
            max_session: 3600,
            boundary: None,
            tags: BTreeMap::new(),
            inline: BTreeMap::new(),
            attached: Vec::new(),
            id: String::new(),
            created_at: 0,
        }
    }
}

impl IamRole {
    /// One with this name in the default account, and the rest by default.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The same in another account.
    #[must_use]
    pub fn in_account(self, account: &str) -> Self {
        Self {
            account: account.to_owned(),
            ..self
        }
    }

    /// The same, assumed by this service (`pods.eks.amazonaws.com`, …) with a session tag or without.
    #[must_use]
    pub fn trusting_service(self, service: &str) -> Self {
        self.trusting(
            &json!({"Service": service}),
            &json!(["sts:AssumeRole", "sts:TagSession"]),
        )
    }

    /// The same, assumed by this AWS principal: the ARN of a role, or of an account's root.
    #[must_use]
    pub fn trusting_principal(self, arn: &str, actions: &[&str]) -> Self {
        self.trusting(&json!({"AWS": arn}), &json!(actions))
    }

    /// The same with this inline policy, that allows the actions on the resource.
    #[must_use]
    pub fn allowing(mut self, policy: &str, actions: &[&str], resource: &str) -> Self {
        let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
        self.inline.insert(policy.to_owned(), document(&statement));
        self
    }

    /// `arn:aws:iam::<account>:role/<path><name>`
    pub fn arn(&self) -> String {
        let Self {
            name,
            path,
            account,
            partition,
            ..
        } = self;
        format!("arn:{partition}:iam::{account}:role{path}{name}")
    }

    fn trusting(self, principal: &Value, actions: &Value) -> Self {
        Self {
            trust: document(&json!({"Effect": "Allow", "Principal": principal, "Action": actions})),
            ..self
        }
    }
}

fn document(statement: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// A role as IAM keeps it.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) spec: IamRole,
    /// The ids of the roles that the trust policy names, by ARN, as they were when the policy was written: IAM keeps the
    /// ids, so that a role made anew under an old name is not trusted.
    pub(super) pins: BTreeMap<String, String>,
    /// Until it is known everywhere as a principal.
    pub(super) settling: Waiting,
}
