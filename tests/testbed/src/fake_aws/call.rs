use std::collections::BTreeMap;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::reply::{Answer, Refusal};
use super::world::World;

/// A service behind the one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Eks,
    Iam,
    Sts,
}

impl Service {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }
}

pub(super) type Handler = fn(&mut World, &Call) -> Answer;

/// One operation of a service's model.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// Method and path of an EKS operation; empty for IAM and STS, which name the operation in the body.
    pub(super) route: &'static str,
    /// Whether it is meant to change something.
    pub(super) changes: bool,
    pub(super) run: Handler,
}

/// What signed a request: `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) access_key: String,
    pub(super) region: String,
    pub(super) service: Service,
}

impl Scope {
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let (_, credential) = header(headers, &AUTHORIZATION).split_once("Credential=")?;
        let mut parts = credential.split(',').next()?.split('/');
        let access_key = parts.next()?.to_owned();
        let region = parts.nth(1)?.to_owned();
        let service = match parts.next()? {
            "eks" => Service::Eks,
            "iam" => Service::Iam,
            "sts" => Service::Sts,
            _ => return None,
        };
        Some(Self {
            access_key,
            region,
            service,
        })
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) account: String,
    /// `arn:aws:iam::…:user/testbed` or `arn:aws:sts::…:assumed-role/<role>/<session>`.
    pub(super) arn: String,
    pub(super) user_id: String,
    /// The ARN of the role of a session.
    pub(super) role: Option<String>,
}

/// A request, understood.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) service: Service,
    pub(super) operation: &'static Operation,
    pub(super) region: String,
    pub(super) caller: Caller,
    /// The named segments of the path, decoded.
    pub(super) path: BTreeMap<&'static str, String>,
    /// The query of an EKS request, the form of the others, decoded.
    pub(super) parameters: Vec<(String, String)>,
    /// The body of an EKS request; `null` without one.
    pub(super) body: Value,
}

impl Call {
    pub(super) fn account(&self) -> &str {
        &self.caller.account
    }

    /// The partition that the region belongs to.
    pub(super) fn partition(&self) -> &'static str {
        partition(&self.region)
    }

    pub(super) fn segment(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// A parameter that the model requires.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.parameter(name).ok_or_else(|| {
            Refusal::validation(format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                lower_first(name)
            ))
        })
    }

    /// A string of the body.
    pub(super) fn text(&self, member: &str) -> Option<&str> {
        self.body[member].as_str()
    }

    /// A string of the body that the model requires.
    pub(super) fn required_text(&self, member: &str) -> Result<&str, Refusal> {
        self.text(member)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Refusal::parameter(format!("{member} can't be null or empty")))
    }

    /// The list of structures `NAME.member.1.FIELD`, … of a form, each as its fields.
    pub(super) fn members(&self, name: &str) -> Vec<BTreeMap<&str, &str>> {
        let mut members = Vec::new();
        loop {
            let prefix = format!("{name}.member.{}", members.len() + 1);
            let fields: BTreeMap<&str, &str> = self
                .parameters
                .iter()
                .filter_map(|(key, value)| {
                    let field = key.strip_prefix(&prefix)?;
                    // A list of strings has no fields: its key ends here.
                    let field = if field.is_empty() {
                        field
                    } else {
                        field.strip_prefix('.')?
                    };
                    Some((field, value.as_str()))
                })
                .collect();
            if fields.is_empty() {
                return members;
            }
            members.push(fields);
        }
    }

    /// The list of strings `NAME.member.1`, … of a form.
    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let members = self.members(name);
        members
            .iter()
            .filter_map(|fields| fields.get("").map(|&text| text.to_owned()))
            .collect()
    }

    /// The tags of a form.
    pub(super) fn tags(&self) -> BTreeMap<String, String> {
        let text =
            |fields: &BTreeMap<&str, &str>, field: &str| fields.get(field).copied().unwrap_or("").to_owned();
        self.members("Tags")
            .iter()
            .map(|fields| (text(fields, "Key"), text(fields, "Value")))
            .collect()
    }

    /// What the call is about: a cluster's name, a role's name, the ARN of what is tagged, assumed or simulated; empty for
    /// a list.
    pub(super) fn object(&self) -> &str {
        match self.service {
            Service::Eks => match self.segment("name") {
                "" => self.segment("resourceArn"),
                name => name,
            },
            Service::Iam => ["RoleName", "PolicySourceArn", "PolicyName", "PolicyArn"]
                .into_iter()
                .find_map(|name| self.parameter(name))
                .unwrap_or(""),
            Service::Sts => self.parameter("RoleArn").unwrap_or(""),
        }
    }

    /// The principal that an access entry, or the role that a pod identity association, is for.
    pub(super) fn principal(&self) -> Option<&str> {
        match self.segment("principalArn") {
            "" => self.text("principalArn").or_else(|| self.text("roleArn")),
            principal => Some(principal),
        }
    }

    /// The IAM actions that a caller must be allowed for this call: first the operation's own, then those of what the
    /// call does besides.
    pub(super) fn actions(&self) -> Vec<String> {
        let mut actions = vec![format!("{}:{}", self.service.name(), self.operation.name)];
        let tags = self.body["tags"].as_object().is_some_and(|tags| !tags.is_empty());
        match self.operation.name {
            "CreateAccessEntry" | "CreatePodIdentityAssociation" if tags => {
                actions.push("eks:TagResource".to_owned());
            }
            "CreateCluster" => {
                actions.push("iam:PassRole".to_owned());
                if tags {
                    actions.push("eks:TagResource".to_owned());
                }
            }
            "CreateRole" if !self.members("Tags").is_empty() => actions.push("iam:TagRole".to_owned()),
            "AssumeRole" if !self.members("Tags").is_empty() => actions.push("sts:TagSession".to_owned()),
            _ => {}
        }
        if self.operation.name.ends_with("PodIdentityAssociation") && self.body["roleArn"].is_string() {
            actions.push("iam:PassRole".to_owned());
        }
        actions
    }
}

/// The partition of a region.
pub(super) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
