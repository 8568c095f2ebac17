//! Access entries and the policies associated with them.

use aws_sdk_eks::types::{AccessEntry as Entry, AccessScope, AccessScopeType};
use bridge_core::access::{AccessEntry, AssociatedPolicy, Scope, Tags};

use crate::{
    describe::{text, timestamp},
    eks::{Eks, PAGE},
    error::AwsError,
};

impl Eks {
    /// The access entry of a principal, if there is one (IAM action `eks:DescribeAccessEntry`).
    ///
    /// # Errors
    /// [`AwsError::NotFound`] if the cluster does not exist; any other of a refused or failed request.
    pub async fn access_entry(
        &self,
        cluster: &str,
        principal: &str,
    ) -> Result<Option<AccessEntry>, AwsError> {
        let call = Self::call(
            "eks:DescribeAccessEntry",
            cluster,
            &format!("look at the access entry of {principal} on"),
        );
        let answer = self
            .paced(async || {
                self.client
                    .describe_access_entry()
                    .cluster_name(cluster)
                    .principal_arn(principal)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await;
        let entry = absent(answer)?.and_then(|output| output.access_entry);
        Ok(entry.map(|entry| read(principal, &entry)))
    }

    /// Makes an access entry of type STANDARD (IAM actions `eks:CreateAccessEntry` and `eks:TagResource`).
    ///
    /// # Errors
    /// Any of a refused or failed request; [`AwsError::is_taken`] tells an entry that exists, and
    /// [`AwsError::is_unknown_principal`] a principal that does not, or not yet.
    pub async fn create_access_entry(
        &self,
        cluster: &str,
        principal: &str,
        groups: &[String],
        tags: &Tags,
    ) -> Result<AccessEntry, AwsError> {
        let call = Self::call(
            "eks:CreateAccessEntry",
            cluster,
            &format!("create the access entry of {principal} on"),
        );
        let output = self
            .paced(async || {
                self.client
                    .create_access_entry()
                    .cluster_name(cluster)
                    .principal_arn(principal)
                    .set_kubernetes_groups((!groups.is_empty()).then(|| groups.to_vec()))
                    .set_tags(Some(tags.clone().into_iter().collect()))
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await?;
        output
            .access_entry()
            .map(|entry| read(principal, entry))
            .ok_or(AwsError::Gap {
                service: call.service,
                doing: call.doing,
                member: "accessEntry",
            })
    }

    /// Gives an access entry other Kubernetes groups (IAM action `eks:UpdateAccessEntry`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn update_access_entry(
        &self,
        cluster: &str,
        principal: &str,
        groups: &[String],
    ) -> Result<(), AwsError> {
        let call = Self::call(
            "eks:UpdateAccessEntry",
            cluster,
            &format!("change the access entry of {principal} on"),
        );
        self.paced(async || {
            self.client
                .update_access_entry()
                .cluster_name(cluster)
                .principal_arn(principal)
                .set_kubernetes_groups(Some(groups.to_vec()))
                .send()
                .await
                .map(drop)
                .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
        })
        .await
    }

    /// Deletes an access entry with its associations (IAM action `eks:DeleteAccessEntry`); `false` if there was none.
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn delete_access_entry(&self, cluster: &str, principal: &str) -> Result<bool, AwsError> {
        let call = Self::call(
            "eks:DeleteAccessEntry",
            cluster,
            &format!("delete the access entry of {principal} on"),
        );
        let answer = self
            .paced(async || {
                self.client
                    .delete_access_entry()
                    .cluster_name(cluster)
                    .principal_arn(principal)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await;
        Ok(absent(answer)?.is_some())
    }

    /// The principals of all access entries (IAM action `eks:ListAccessEntries`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn access_entries(&self, cluster: &str) -> Result<Vec<String>, AwsError> {
        let call = Self::call("eks:ListAccessEntries", cluster, "list the access entries of");
        self.pages(async |token| {
            let page = self
                .client
                .list_access_entries()
                .cluster_name(cluster)
                .max_results(PAGE)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
            Ok((page.access_entries.unwrap_or_default(), page.next_token))
        })
        .await
    }

    /// Sets tags on an access entry, which [`Eks::create_access_entry`] did not make (IAM action `eks:TagResource`).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn tag_access_entry(
        &self,
        cluster: &str,
        entry: &AccessEntry,
        tags: &Tags,
    ) -> Result<(), AwsError> {
        let call = Self::call(
            "eks:TagResource",
            cluster,
            &format!("tag the access entry of {} on", entry.principal),
        );
        self.paced(async || {
            self.client
                .tag_resource()
                .resource_arn(&entry.arn)
                .set_tags(Some(tags.clone().into_iter().collect()))
                .send()
                .await
                .map(drop)
                .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
        })
        .await
    }

    /// The policies of a principal's access entry (IAM action `eks:ListAssociatedAccessPolicies`); none without an entry.
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn access_policies(
        &self,
        cluster: &str,
        principal: &str,
    ) -> Result<Vec<AssociatedPolicy>, AwsError> {
        let call = Self::call(
            "eks:ListAssociatedAccessPolicies",
            cluster,
            &format!("list the access policies of {principal} on"),
        );
        let policies = self
            .pages(async |token| {
                let page = self
                    .client
                    .list_associated_access_policies()
                    .cluster_name(cluster)
                    .principal_arn(principal)
                    .max_results(PAGE)
                    .set_next_token(token)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
                Ok((
                    page.associated_access_policies.unwrap_or_default(),
                    page.next_token,
                ))
            })
            .await;
        let policies = absent(policies)?.unwrap_or_default();
        Ok(policies
            .iter()
            .filter_map(|policy| {
                Some(AssociatedPolicy {
                    policy_arn: text(policy.policy_arn())?,
                    scope: policy.access_scope().map_or(Scope::Cluster, scope),
                })
            })
            .collect())
    }

    /// Associates a policy, or gives one that is associated another scope (IAM action `eks:AssociateAccessPolicy`).
    ///
    /// # Errors
    /// Any of a refused or failed request; [`AwsError::is_absent`] tells that there is no such access entry, or not yet.
    pub async fn associate_policy(
        &self,
        cluster: &str,
        principal: &str,
        policy_arn: &str,
        scope: &Scope,
    ) -> Result<(), AwsError> {
        let call = Self::call(
            "eks:AssociateAccessPolicy",
            cluster,
            &format!("associate {policy_arn} with the access entry of {principal} on"),
        );
        let scope = match scope {
            Scope::Cluster => AccessScope::builder().r#type(AccessScopeType::Cluster),
            Scope::Namespaces(names) => AccessScope::builder()
                .r#type(AccessScopeType::Namespace)
                .set_namespaces(Some(names.clone())),
        }
        .build();
        self.paced(async || {
            self.client
                .associate_access_policy()
                .cluster_name(cluster)
                .principal_arn(principal)
                .policy_arn(policy_arn)
                .access_scope(scope.clone())
                .send()
                .await
                .map(drop)
                .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
        })
        .await
    }

    /// Takes a policy off an access entry (IAM action `eks:DisassociateAccessPolicy`); `false` if it was not there.
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn disassociate_policy(
        &self,
        cluster: &str,
        principal: &str,
        policy_arn: &str,
    ) -> Result<bool, AwsError> {
        let call = Self::call(
            "eks:DisassociateAccessPolicy",
            cluster,
            &format!("take {policy_arn} off the access entry of {principal} on"),
        );
        let answer = self
            .paced(async || {
                self.client
                    .disassociate_access_policy()
                    .cluster_name(cluster)
                    .principal_arn(principal)
                    .policy_arn(policy_arn)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await;
        Ok(absent(answer)?.is_some())
    }
}

/// Takes what does not exist for `None`; that the cluster does not exist stays an error.
pub(crate) fn absent<T>(answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match answer {
        Ok(output) => Ok(Some(output)),
        Err(error @ AwsError::NotFound { .. }) => Err(error),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(principal: &str, entry: &Entry) -> AccessEntry {
    AccessEntry {
        principal: entry.principal_arn().unwrap_or(principal).to_owned(),
        groups: entry.kubernetes_groups().to_vec(),
        username: entry.username().unwrap_or_default().to_owned(),
        kind: entry.r#type().unwrap_or("STANDARD").to_owned(),
        arn: entry.access_entry_arn().unwrap_or_default().to_owned(),
        created_at: entry.created_at().and_then(timestamp),
        tags: entry
            .tags()
            .map(|tags| tags.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default(),
    }
}

fn scope(scope: &AccessScope) -> Scope {
    match scope.r#type() {
        Some(AccessScopeType::Namespace) => Scope::Namespaces(scope.namespaces().to_vec()),
        _ => Scope::Cluster,
    }
}
