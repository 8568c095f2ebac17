//! EKS capabilities, Argo CD among them.

use aws_sdk_eks::types::{CapabilitySummary, CapabilityType};
use bridge_core::access::Capability;

use crate::{
    describe::text,
    eks::{Eks, PAGE},
    entries::absent,
    error::AwsError,
};

impl Eks {
    /// The capabilities of a cluster (IAM actions `eks:ListCapabilities`, and for those of type `ARGOCD`
    /// `eks:DescribeCapability`: the list has no filter and names no role).
    ///
    /// # Errors
    /// Any of a refused or failed request.
    pub async fn capabilities(&self, cluster: &str) -> Result<Vec<Capability>, AwsError> {
        let call = Self::call("eks:ListCapabilities", cluster, "list the capabilities of");
        let found = self
            .pages(async |token| {
                let page = self
                    .client
                    .list_capabilities()
                    .cluster_name(cluster)
                    .max_results(PAGE)
                    .set_next_token(token)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
                let summaries = page.capabilities.unwrap_or_default();
                Ok((summaries.iter().filter_map(summary).collect(), page.next_token))
            })
            .await?;
        let mut known = Vec::new();
        for capability in found {
            if capability.kind == CapabilityType::Argocd.as_str() {
                known.extend(self.described(cluster, capability).await?);
            } else {
                known.push(capability);
            }
        }
        Ok(known)
    }

    /// With role and namespace; `None` if it is gone.
    async fn described(
        &self,
        cluster: &str,
        mut capability: Capability,
    ) -> Result<Option<Capability>, AwsError> {
        let call = Self::call(
            "eks:DescribeCapability",
            cluster,
            &format!("look at the capability {} of", capability.name),
        );
        let answer = self
            .paced(async || {
                self.client
                    .describe_capability()
                    .cluster_name(cluster)
                    .capability_name(&capability.name)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await;
        let Some(described) = absent(answer)?.and_then(|output| output.capability) else {
            return Ok(None);
        };
        capability.role_arn = text(described.role_arn());
        capability.argo_cd_namespace = described
            .configuration()
            .and_then(|configuration| configuration.argo_cd())
            .and_then(|argo_cd| text(argo_cd.namespace()));
        Ok(Some(capability))
    }
}

fn summary(summary: &CapabilitySummary) -> Option<Capability> {
    Some(Capability {
        name: text(summary.capability_name())?,
        kind: summary
            .r#type()
            .map(CapabilityType::as_str)
            .unwrap_or_default()
            .to_owned(),
        status: summary
            .status()
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        ..Capability::default()
    })
}
