//! EKS in one region, with one set of credentials: clusters.

use aws_smithy_types::retry::RetryConfig;
use bridge_core::facts::EksFacts;

use crate::{
    describe,
    error::{AwsError, Call, Place},
    session::{AwsOptions, Session},
};

/// EKS in one region, with one set of credentials.
#[derive(Debug, Clone)]
pub struct Eks {
    pub(crate) client: aws_sdk_eks::Client,
    pub(crate) place: Place,
}

impl Eks {
    pub(crate) fn new(client: aws_sdk_eks::Client, place: Place) -> Self {
        Self { client, place }
    }

    /// [`Session::open`], for who needs EKS only.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub async fn connect(options: &AwsOptions) -> Result<Self, AwsError> {
        Ok(Session::open(options).await?.eks())
    }

    /// The same, sending each request once: for a [`Pace`](crate::Pace), which must see what is throttled.
    #[must_use]
    pub fn without_retries(self) -> Self {
        let config = self
            .client
            .config()
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .build();
        Self {
            client: aws_sdk_eks::Client::from_conf(config),
            place: self.place,
        }
    }

    /// Where this client looks.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Asks EKS about a cluster (`DescribeCluster`, IAM action `eks:DescribeCluster`).
    ///
    /// # Errors
    /// Any [`AwsError`] but those of [`Session::open`].
    pub async fn describe_cluster(&self, name: &str) -> Result<EksFacts, AwsError> {
        check_name(name)?;
        let call = Self::call("eks:DescribeCluster", name, "describe");
        let output = self
            .client
            .describe_cluster()
            .name(name)
            .send()
            .await
            .map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
        let cluster = output.cluster().ok_or_else(|| AwsError::Missing {
            cluster: name.to_owned(),
            member: "cluster",
        })?;
        describe::facts(name, cluster)
    }

    /// Names of all clusters (`ListClusters`, IAM action `eks:ListClusters`, 100 a page), without those of the EKS Connector.
    ///
    /// # Errors
    /// Any [`AwsError`] but those of [`Session::open`].
    pub async fn list(&self) -> Result<Vec<String>, AwsError> {
        let call = Call {
            service: "EKS",
            action: "eks:ListClusters",
            doing: "list the EKS clusters".into(),
            cluster: None,
        };
        let mut pages = self
            .client
            .list_clusters()
            .into_paginator()
            .page_size(PAGE)
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
            names.extend(page.clusters().iter().cloned());
        }
        Ok(names)
    }

    /// A request about a cluster; `doing` stands before its name.
    pub(crate) fn call(action: &'static str, cluster: &str, doing: &str) -> Call {
        Call {
            service: "EKS",
            action,
            doing: format!("{doing} EKS cluster \"{cluster}\""),
            cluster: Some(cluster.to_owned()),
        }
    }
}

/// Longest page of EKS.
pub(crate) const PAGE: i32 = 100;

/// `^[0-9A-Za-z][A-Za-z0-9\-_]*`, at most 100 characters (EKS service model): anything else would be another path.
pub(crate) fn check_name(name: &str) -> Result<(), AwsError> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = name.len() <= 100
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(inner);
    if fits {
        Ok(())
    } else {
        Err(AwsError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_eks_can_have() {
        for good in ["a", "A_b-9", "9a", &"x".repeat(100)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "a/b", "a.b", "a b", "ä", &"x".repeat(101)] {
            assert!(matches!(check_name(bad), Err(AwsError::Name(_))), "{bad}");
        }
    }
}
