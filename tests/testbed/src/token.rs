use anyhow::{Context as _, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

/// Long enough for someone to play with a testbed for a day.
const SECONDS: i64 = 24 * 3600;

/// A token for a ServiceAccount, which is created if it is missing.
pub(crate) async fn token(client: Client, namespace: &str, service_account: &str) -> Result<String> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client, namespace);
    if accounts.get_opt(service_account).await?.is_none() {
        let account = ServiceAccount {
            metadata: ObjectMeta {
                name: Some(service_account.to_owned()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        match accounts.create(&PostParams::default(), &account).await {
            // Somebody else was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            created => drop(created?),
        }
    }
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(SECONDS),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(service_account, &PostParams::default(), &request)
        .await?;
    let status = answer
        .status
        .with_context(|| format!("no token in the answer for {service_account}"))?;
    Ok(status.token)
}
