//! Answers as the services send them: EKS in JSON (rest-json), IAM and STS in XML (query).

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::call::Service;

/// What an operation answers. For IAM and STS, `null` is an operation without output.
pub(super) type Answer = Result<Value, Refusal>;

/// An error of a service.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) http: u16,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(http: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            http,
            message: message.into(),
        }
    }

    /// EKS: there is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// EKS: the input is wrong.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterException", message)
    }

    /// EKS: it exists already.
    pub(super) fn in_use(message: impl Into<String>) -> Self {
        Self::new(409, "ResourceInUseException", message)
    }

    /// IAM and STS: the input is not what the model allows.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// A caller who may not; each service has its own code for it.
    pub(super) fn denied(service: Service, message: impl Into<String>) -> Self {
        let code = match service {
            Service::Eks => "AccessDeniedException",
            Service::Iam | Service::Sts => "AccessDenied",
        };
        Self::new(403, code, message)
    }

    /// Too many requests, as the service says it.
    pub(super) fn throttled(service: Service) -> Self {
        match service {
            Service::Eks => Self::new(429, "ThrottlingException", "Rate exceeded"),
            Service::Iam | Service::Sts => Self::new(400, "Throttling", "Rate exceeded"),
        }
    }
}

/// Renders the answer of an operation. `number` makes the request id.
pub(super) fn render(service: Service, operation: &str, number: usize, answer: &Answer) -> Response {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    match (service, answer) {
        (Service::Eks, Ok(output)) => json_response(200, &id, output),
        (Service::Eks, Err(refusal)) => {
            let header = [("x-amzn-errortype", refusal.code.clone())];
            (header, json_response(refusal.http, &id, &error_body(refusal))).into_response()
        }
        (_, Ok(output)) => {
            let result = match output {
                Value::Null => json!({}),
                output => json!({format!("{operation}Result"): output}),
            };
            let metadata = format!("<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>");
            let root = format!("{operation}Response");
            let body = format!(
                "<{root} xmlns=\"{}\">{}{metadata}</{root}>",
                namespace(service),
                xml(&result)
            );
            xml_response(200, &id, body)
        }
        (_, Err(refusal)) => {
            let kind = if refusal.http < 500 { "Sender" } else { "Receiver" };
            let error = json!({"Error": {"Type": kind, "Code": refusal.code, "Message": refusal.message}});
            let body = format!(
                "<ErrorResponse xmlns=\"{}\">{}<RequestId>{id}</RequestId></ErrorResponse>",
                namespace(service),
                xml(&error)
            );
            xml_response(refusal.http, &id, body)
        }
    }
}

/// EKS names all that an error of a kind can be about, most of it null.
fn error_body(refusal: &Refusal) -> Value {
    let about: &[&str] = match refusal.code.as_str() {
        "ResourceNotFoundException" | "InvalidParameterException" => &[
            "clusterName",
            "nodegroupName",
            "fargateProfileName",
            "addonName",
            "subscriptionId",
        ],
        "InvalidRequestException" | "ResourceInUseException" => {
            &["clusterName", "nodegroupName", "addonName"]
        }
        _ => &[],
    };
    let mut body: serde_json::Map<String, Value> =
        about.iter().map(|&name| (name.to_owned(), Value::Null)).collect();
    body.insert("message".to_owned(), json!(refusal.message));
    body.into()
}

fn namespace(service: Service) -> &'static str {
    match service {
        Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        _ => "https://iam.amazonaws.com/doc/2010-05-08/",
    }
}

/// Members as elements, the items of a list as `member`; what is null is left out.
fn xml(value: &Value) -> String {
    let element = |name: &str, value: &Value| format!("<{name}>{}</{name}>", xml(value));
    match value {
        Value::Null => String::new(),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(name, value)| element(name, value));
            members.collect::<Vec<_>>().concat()
        }
        Value::Array(items) => {
            let members = items.iter().map(|item| element("member", item));
            members.collect::<Vec<_>>().concat()
        }
        Value::String(text) => text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;"),
        other => other.to_string(),
    }
}

fn json_response(http: u16, id: &str, body: &Value) -> Response {
    response(http, id, "application/json", body.to_string())
}

fn xml_response(http: u16, id: &str, body: String) -> Response {
    response(http, id, "text/xml", body)
}

fn response(http: u16, id: &str, kind: &str, body: String) -> Response {
    let status = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [
        (CONTENT_TYPE.as_str(), kind.to_owned()),
        ("x-amzn-requestid", id.to_owned()),
    ];
    (status, headers, body).into_response()
}
