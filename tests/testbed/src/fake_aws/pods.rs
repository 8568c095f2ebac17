//! What pods get from the agent of EKS pod identity, and who signed with it.

use serde_json::Value;

use super::call::Caller;
use super::{FakeAws, sts};

/// Who a key belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    /// The secret key.
    pub(crate) secret: String,
    /// The ARN as STS tells it.
    pub(crate) arn: String,
    /// The ARN of the role of a session, with its path.
    pub(crate) role: Option<String>,
}

impl FakeAws {
    /// Credentials of a role as pods get them: `AccessKeyId`, `SecretAccessKey`, `SessionToken`, `Expiration`. `None` for a role
    /// that is not there.
    pub(crate) fn pod_credentials(&self, role_arn: &str) -> Option<Value> {
        let mut state = self.state();
        let spec = &state.world.role(role_arn)?.spec;
        let caller = Caller {
            account: spec.account.clone(),
            arn: format!(
                "arn:{}:sts::{}:assumed-role/{}/pod",
                spec.partition, spec.account, spec.name
            ),
            user_id: format!("{}:pod", spec.id),
            role: Some(role_arn.to_owned()),
        };
        Some(sts::credentials(&mut state.world, caller, 3600))
    }

    /// Who has this key, if the token goes with it. The secret of all who are no session is that of [`FakeAws::env`].
    pub(crate) fn signer(&self, access_key: &str, token: &str) -> Option<Signer> {
        let state = self.state();
        let caller = state.world.caller(access_key, token).ok()?;
        let session = state.world.sessions.get(access_key);
        Some(Signer {
            secret: session.map_or_else(|| "not-a-secret".to_owned(), |session| session.secret.clone()),
            arn: caller.arn,
            role: caller.role,
        })
    }
}
