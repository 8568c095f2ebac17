//! Pod identity associations.

use aws_sdk_eks::types::PodIdentityAssociation;
use bridge_core::access::{PodIdentity, Tags};

use crate::{
    describe::text,
    eks::{Eks, PAGE},
    entries::absent,
    error::AwsError,
};

impl Eks {
    /// The pod identity associations of a cluster, of one namespace or of all (IAM actions
    /// `eks:ListPodIdentityAssociations`, `eks:DescribePodIdentityAssociation`: the list does not name the roles).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn pod_identities(
        &self,
        cluster: &str,
        namespace: Option<&str>,
    ) -> Result<Vec<PodIdentity>, AwsError> {
        let call = Self::call(
            "eks:ListPodIdentityAssociations",
            cluster,
            "list the pod identity associations of",
        );
        let ids = self
            .pages(async |token| {
                let page = self
                    .client
                    .list_pod_identity_associations()
                    .cluster_name(cluster)
                    .set_namespace(namespace.map(str::to_owned))
                    .max_results(PAGE)
                    .set_next_token(token)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
                let associations = page.associations.unwrap_or_default();
                let ids = associations
                    .iter()
                    .filter_map(|one| text(one.association_id()))
                    .collect::<Vec<_>>();
                Ok((ids, page.next_token))
            })
            .await?;
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.pod_identity(cluster, &id).await?);
        }
        Ok(found)
    }

    /// One association; `None` if it is gone.
    async fn pod_identity(&self, cluster: &str, id: &str) -> Result<Option<PodIdentity>, AwsError> {
        let call = Self::call(
            "eks:DescribePodIdentityAssociation",
            cluster,
            &format!("look at the pod identity association {id} of"),
        );
        let answer = self
            .paced(async || {
                self.client
                    .describe_pod_identity_association()
                    .cluster_name(cluster)
                    .association_id(id)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await;
        Ok(absent(answer)?.and_then(|output| output.association().map(read)))
    }

    /// Associates a ServiceAccount with a role of the cluster's account (IAM actions `eks:CreatePodIdentityAssociation` and
    /// `iam:PassRole`).
    ///
    /// # Errors
    /// Any of a refused or failed request; [`AwsError::is_taken`] tells an association that exists.
    pub async fn create_pod_identity(
        &self,
        cluster: &str,
        namespace: &str,
        service_account: &str,
        role_arn: &str,
        tags: &Tags,
    ) -> Result<PodIdentity, AwsError> {
        let call = Self::call(
            "eks:CreatePodIdentityAssociation",
            cluster,
            &format!("give ServiceAccount {namespace}/{service_account} role {role_arn} on"),
        );
        let output = self
            .paced(async || {
                self.client
                    .create_pod_identity_association()
                    .cluster_name(cluster)
                    .namespace(namespace)
                    .service_account(service_account)
                    .role_arn(role_arn)
                    .set_tags(Some(tags.clone().into_iter().collect()))
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await?;
        output.association().map(read).ok_or(AwsError::Gap {
            service: call.service,
            doing: call.doing,
            member: "association",
        })
    }
}

fn read(association: &PodIdentityAssociation) -> PodIdentity {
    let or_empty = |value: Option<&str>| value.unwrap_or_default().to_owned();
    PodIdentity {
        namespace: or_empty(association.namespace()),
        service_account: or_empty(association.service_account()),
        role_arn: or_empty(association.role_arn()),
        target_role_arn: text(association.target_role_arn()),
        id: or_empty(association.association_id()),
    }
}
