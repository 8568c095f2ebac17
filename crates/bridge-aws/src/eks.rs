//! EKS in one region, with one set of credentials: clusters.

use std::sync::Arc;

use bridge_core::facts::EksFacts;

use crate::{
    describe,
    error::{AwsError, Call, Place},
    pace::Pace,
    session::{AwsOptions, Session},
};

/// EKS in one region, with one set of credentials. As many requests are under way at once as AWS takes, whoever sends them.
#[derive(Debug, Clone)]
pub struct Eks {
    pub(crate) client: aws_sdk_eks::Client,
    pub(crate) place: Place,
    turns: Arc<Pace>,
}

impl Eks {
    pub(crate) fn new(client: aws_sdk_eks::Client, place: Place, turns: Arc<Pace>) -> Self {
        Self { client, place, turns }
    }

    /// [`Session::open`], for who needs EKS only.
    ///
    /// # Errors
    /// Those of [`Session::open`].
    pub async fn connect(options: &AwsOptions) -> Result<Self, AwsError> {
        Ok(Session::open(options).await?.eks())
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
            .paced(async || {
                self.client
                    .describe_cluster()
                    .name(name)
                    .send()
                    .await
                    .map_err(|error| AwsError::from_sdk(&call, &self.place, error))
            })
            .await?;
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
        self.pages(async |token| {
            let page = self
                .client
                .list_clusters()
                .max_results(PAGE)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| AwsError::from_sdk(&call, &self.place, error))?;
            Ok((page.clusters.unwrap_or_default(), page.next_token))
        })
        .await
    }

    /// Sends a request when it is its turn, and again where AWS throttles it or has trouble.
    pub(crate) async fn paced<T>(
        &self,
        request: impl AsyncFn() -> Result<T, AwsError>,
    ) -> Result<T, AwsError> {
        self.turns.run(request).await
    }

    /// All of a list: `page` gives what stands behind a token, and the next token.
    pub(crate) async fn pages<T>(
        &self,
        page: impl AsyncFn(Option<String>) -> Result<(Vec<T>, Option<String>), AwsError>,
    ) -> Result<Vec<T>, AwsError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let (items, next) = self.paced(async || page(token.clone()).await).await?;
            all.extend(items);
            let next = next.filter(|next| !next.is_empty());
            // A list that goes in a circle would never end.
            if next.is_none() || next == token {
                return Ok(all);
            }
            token = next;
        }
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
