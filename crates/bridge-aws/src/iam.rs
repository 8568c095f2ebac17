//! IAM roles.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_iam::types::{PolicyEvaluationDecisionType, Role as SdkRole, Tag};
use bridge_core::access::{NewRole, Role, Tags};
use serde_json::Value;

use crate::{
    describe::{text, timestamp},
    entries::absent,
    error::{AwsError, Call, Place},
    pace::Pace,
};

/// IAM of one account. As many requests are under way at once as AWS takes, whoever sends them.
#[derive(Debug, Clone)]
pub struct Iam {
    client: aws_sdk_iam::Client,
    place: Place,
    turns: Arc<Pace>,
}

impl Iam {
    pub(crate) fn new(client: aws_sdk_iam::Client, place: Place, turns: Arc<Pace>) -> Self {
        Self { client, place, turns }
    }

    /// Where this client looks; IAM has no region.
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn failed<E>(&self, call: &Call) -> impl FnOnce(aws_sdk_iam::error::SdkError<E>) -> AwsError
    where
        E: aws_sdk_iam::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        move |error| AwsError::from_sdk(call, &self.place, error)
    }

    /// Sends a request when it is its turn, and again where AWS throttles it or has trouble.
    async fn paced<T>(&self, request: impl AsyncFn() -> Result<T, AwsError>) -> Result<T, AwsError> {
        self.turns.run(request).await
    }

    /// A role by name or ARN, if it exists (IAM action `iam:GetRole`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn role(&self, name_or_arn: &str) -> Result<Option<Role>, AwsError> {
        let name = role_name(name_or_arn);
        let call = call("iam:GetRole", format!("look at IAM role \"{name}\""));
        let answer = self
            .paced(async || {
                self.client
                    .get_role()
                    .role_name(name)
                    .send()
                    .await
                    .map_err(self.failed(&call))
            })
            .await;
        Ok(absent(answer)?.and_then(|output| output.role().map(read)))
    }

    /// Makes a role (IAM actions `iam:CreateRole` and `iam:TagRole`).
    ///
    /// # Errors
    /// Any of a refused or failed request; [`AwsError::is_taken`] tells a role that exists.
    pub async fn create_role(&self, new: &NewRole) -> Result<Role, AwsError> {
        let call = call("iam:CreateRole", format!("create IAM role \"{}\"", new.name));
        let output = self
            .paced(async || {
                self.client
                    .create_role()
                    .role_name(&new.name)
                    .path(&new.path)
                    .description(&new.description)
                    .assume_role_policy_document(new.trust.to_string())
                    .set_tags(Some(sdk_tags(&new.tags)))
                    .set_permissions_boundary(new.boundary.clone())
                    .send()
                    .await
                    .map_err(self.failed(&call))
            })
            .await?;
        output.role().map(read).ok_or(AwsError::Gap {
            service: call.service,
            doing: call.doing,
            member: "Role",
        })
    }

    /// Sets who may assume a role (IAM action `iam:UpdateAssumeRolePolicy`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn update_trust(&self, role: &str, trust: &Value) -> Result<(), AwsError> {
        let name = role_name(role);
        let call = call(
            "iam:UpdateAssumeRolePolicy",
            format!("set the trust policy of IAM role \"{name}\""),
        );
        self.paced(async || {
            self.client
                .update_assume_role_policy()
                .role_name(name)
                .policy_document(trust.to_string())
                .send()
                .await
                .map(drop)
                .map_err(self.failed(&call))
        })
        .await
    }

    /// Adds tags to a role (IAM action `iam:TagRole`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn tag_role(&self, role: &str, tags: &Tags) -> Result<(), AwsError> {
        let name = role_name(role);
        let call = call("iam:TagRole", format!("tag IAM role \"{name}\""));
        self.paced(async || {
            self.client
                .tag_role()
                .role_name(name)
                .set_tags(Some(sdk_tags(tags)))
                .send()
                .await
                .map(drop)
                .map_err(self.failed(&call))
        })
        .await
    }

    /// An inline policy of a role, if there is one of that name (IAM action `iam:GetRolePolicy`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn inline_policy(&self, role: &str, policy: &str) -> Result<Option<Value>, AwsError> {
        let name = role_name(role);
        let call = call(
            "iam:GetRolePolicy",
            format!("look at policy {policy} of IAM role \"{name}\""),
        );
        let answer = self
            .paced(async || {
                self.client
                    .get_role_policy()
                    .role_name(name)
                    .policy_name(policy)
                    .send()
                    .await
                    .map_err(self.failed(&call))
            })
            .await;
        Ok(absent(answer)?.map(|output| document(output.policy_document())))
    }

    /// Writes an inline policy of a role (IAM action `iam:PutRolePolicy`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn put_inline_policy(
        &self,
        role: &str,
        policy: &str,
        document: &Value,
    ) -> Result<(), AwsError> {
        let name = role_name(role);
        let call = call(
            "iam:PutRolePolicy",
            format!("write policy {policy} of IAM role \"{name}\""),
        );
        self.paced(async || {
            self.client
                .put_role_policy()
                .role_name(name)
                .policy_name(policy)
                .policy_document(document.to_string())
                .send()
                .await
                .map(drop)
                .map_err(self.failed(&call))
        })
        .await
    }

    /// Deletes an inline policy of a role (IAM action `iam:DeleteRolePolicy`); `false` if there was none.
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn delete_inline_policy(&self, role: &str, policy: &str) -> Result<bool, AwsError> {
        let name = role_name(role);
        let call = call(
            "iam:DeleteRolePolicy",
            format!("delete policy {policy} of IAM role \"{name}\""),
        );
        let answer = self
            .paced(async || {
                self.client
                    .delete_role_policy()
                    .role_name(name)
                    .policy_name(policy)
                    .send()
                    .await
                    .map_err(self.failed(&call))
            })
            .await;
        Ok(absent(answer)?.is_some())
    }

    /// Whether the policies of a role allow it these actions on a resource (IAM action `iam:SimulatePrincipalPolicy`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn may(&self, role_arn: &str, actions: &[&str], resource: &str) -> Result<bool, AwsError> {
        let call = call(
            "iam:SimulatePrincipalPolicy",
            format!("find out what {role_arn} may do"),
        );
        let output = self
            .paced(async || {
                self.client
                    .simulate_principal_policy()
                    .policy_source_arn(role_arn)
                    .set_action_names(Some(actions.iter().map(|action| (*action).to_owned()).collect()))
                    .resource_arns(resource)
                    .send()
                    .await
                    .map_err(self.failed(&call))
            })
            .await?;
        let results = output.evaluation_results();
        Ok(results.len() == actions.len()
            && results
                .iter()
                .all(|result| *result.eval_decision() == PolicyEvaluationDecisionType::Allowed))
    }

    /// Names of the inline policies of a role (IAM action `iam:ListRolePolicies`); none of one that does not exist.
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn inline_policies(&self, role: &str) -> Result<Vec<String>, AwsError> {
        let role = role_name(role);
        let call = call(
            "iam:ListRolePolicies",
            format!("list the policies of IAM role \"{role}\""),
        );
        let (mut names, mut marker) = (Vec::new(), None::<String>);
        loop {
            let answer = self
                .paced(async || {
                    self.client
                        .list_role_policies()
                        .role_name(role)
                        .set_marker(marker.clone())
                        .send()
                        .await
                        .map_err(self.failed(&call))
                })
                .await;
            let Some(page) = absent(answer)? else { break };
            names.extend(page.policy_names);
            let next = page.marker.filter(|_| page.is_truncated);
            // A list that goes in a circle would never end.
            if next.is_none() || next == marker {
                break;
            }
            marker = next;
        }
        Ok(names)
    }

    /// ARNs of the managed policies of a role (IAM action `iam:ListAttachedRolePolicies`); none of one that does not exist.
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn attached_policies(&self, role: &str) -> Result<Vec<String>, AwsError> {
        let role = role_name(role);
        let call = call(
            "iam:ListAttachedRolePolicies",
            format!("list the managed policies of IAM role \"{role}\""),
        );
        let (mut arns, mut marker) = (Vec::new(), None::<String>);
        loop {
            let answer = self
                .paced(async || {
                    self.client
                        .list_attached_role_policies()
                        .role_name(role)
                        .set_marker(marker.clone())
                        .send()
                        .await
                        .map_err(self.failed(&call))
                })
                .await;
            let Some(page) = absent(answer)? else { break };
            let attached = page.attached_policies.unwrap_or_default();
            arns.extend(attached.into_iter().filter_map(|policy| policy.policy_arn));
            let next = page.marker.filter(|_| page.is_truncated);
            // A list that goes in a circle would never end.
            if next.is_none() || next == marker {
                break;
            }
            marker = next;
        }
        Ok(arns)
    }

    /// Deletes a role (IAM action `iam:DeleteRole`); `false` if there was none.
    ///
    /// # Errors
    /// Any of a refused or failed request; `DeleteConflict` where it has policies.
    pub async fn delete_role(&self, role: &str) -> Result<bool, AwsError> {
        let name = role_name(role);
        let call = call("iam:DeleteRole", format!("delete IAM role \"{name}\""));
        let answer = self
            .paced(async || {
                self.client
                    .delete_role()
                    .role_name(name)
                    .send()
                    .await
                    .map_err(self.failed(&call))
            })
            .await;
        Ok(absent(answer)?.is_some())
    }
}

fn call(action: &'static str, doing: String) -> Call {
    Call {
        service: "IAM",
        action,
        doing,
        cluster: None,
    }
}

/// The name in an ARN: what follows the path.
fn role_name(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        // Both members are given, so that nothing is missing.
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect()
}

fn read(role: &SdkRole) -> Role {
    Role {
        arn: role.arn().to_owned(),
        name: role.role_name().to_owned(),
        path: role.path().to_owned(),
        id: role.role_id().to_owned(),
        created_at: timestamp(role.create_date()),
        trust: role
            .assume_role_policy_document()
            .map(document)
            .unwrap_or_default(),
        tags: role
            .tags()
            .iter()
            .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
            .collect::<BTreeMap<_, _>>(),
        boundary: role
            .permissions_boundary()
            .and_then(|boundary| text(boundary.permissions_boundary_arn())),
    }
}

/// A policy document as IAM answers it: JSON, percent-encoded (RFC 3986). What cannot be read is null.
fn document(text: &str) -> Value {
    serde_json::from_slice(&percent_decoded(text)).unwrap_or_default()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let byte = more
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = &more[2..];
        } else {
            bytes.push(first);
            rest = more;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_percent_encoded_json() {
        let encoded = "%7B%22Version%22%3A%20%222012-10-17%22%7D";
        assert_eq!(document(encoded)["Version"], "2012-10-17");
        assert_eq!(document("{\"a\": \"100%\"}")["a"], "100%");
        assert_eq!(document("nonsense"), Value::Null);
    }

    #[test]
    fn names_from_arns() {
        assert_eq!(role_name("arn:aws:iam::111122223333:role/a/b/c"), "c");
        assert_eq!(role_name("c"), "c");
    }
}
