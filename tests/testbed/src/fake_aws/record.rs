use super::call::Call;

/// A request that a [`FakeEks`](super::FakeEks) has seen for EKS, or without a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EksRequest {
    /// `GET`, …
    pub method: String,
    /// The path, still percent-encoded, with the query if there is one.
    pub path: String,
    /// The region that the request was signed for; empty for an unsigned request.
    pub region: String,
    /// The access key that it was signed with; empty for an unsigned request.
    pub access_key: String,
    /// The `User-Agent` header.
    pub user_agent: String,
}

/// A call that a [`FakeAws`](super::FakeAws) has answered, or left without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCall {
    /// `eks`, `iam` or `sts`.
    pub service: String,
    /// `CreateAccessEntry`, …
    pub operation: String,
    /// The IAM actions that the caller needs for it: `eks:CreateAccessEntry`, and those of what it does besides, such as
    /// `eks:TagResource` for tags and `iam:PassRole` for a role handed over.
    pub actions: Vec<String>,
    /// The account of the caller.
    pub account: String,
    /// The region that it was signed for; IAM's is `us-east-1`.
    pub region: String,
    /// The ARN of the caller: a user, or the session of a role.
    pub caller: String,
    /// The cluster's or role's name, or the ARN of what is tagged or assumed; empty for a list of all.
    pub object: String,
    /// The principal of an access entry, or the role of a pod identity association.
    pub principal: Option<String>,
    /// Whether the operation is one that changes something.
    pub changes: bool,
    /// The code of the error that it was answered with, or would have been if it hangs.
    pub error: Option<String>,
    /// Whether a [`Fault`](super::Fault) struck it.
    pub injected: bool,
}

impl AwsCall {
    pub(super) fn of(call: &Call) -> Self {
        Self {
            service: call.service.name().to_owned(),
            operation: call.operation.name.to_owned(),
            actions: call.actions(),
            account: call.account().to_owned(),
            region: call.region.clone(),
            caller: call.caller.arn.clone(),
            object: call.object().to_owned(),
            principal: call.principal().map(str::to_owned),
            changes: call.operation.changes,
            error: None,
            injected: false,
        }
    }
}
