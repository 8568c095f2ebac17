//! From the errors of the libraries below to [`HubError`], keeping credentials out.

use std::{error::Error, io};

use kube::{
    client::AuthError,
    core::{Status, response::StatusCause},
};

use crate::error::{Cause, Forbidden, HubError};

/// What a request asked for, for the words of its errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub verb: &'static str,
    /// Plural with group, as `kubectl auth can-i` takes it.
    pub resource: &'static str,
    pub namespace: Option<&'a str>,
    pub name: Option<&'a str>,
}

/// Who asks whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parties {
    pub host: String,
    pub user: String,
    /// Credential plugin of the kubeconfig, if it has one.
    pub credential_command: Option<String>,
}

/// An error before any answer. `kube::Error` is never kept: its texts hold what a credential plugin printed.
pub(crate) fn no_answer(error: &(dyn Error + 'static), parties: &Parties) -> HubError {
    let chain: Vec<&(dyn Error + 'static)> =
        std::iter::successors(Some(error), |error| (*error).source()).collect();
    for link in &chain {
        if let Some(auth) = as_auth_error(*link) {
            return credentials(auth, parties);
        }
        if let Some(io) = link.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::ConnectionRefused
        {
            return HubError::Refused {
                host: parties.host.clone(),
            };
        }
    }
    HubError::Unreachable {
        host: parties.host.clone(),
        cause: Cause::new(
            // The innermost link names the cause; those around it only say that a request failed.
            chain.last().map_or_else(String::new, ToString::to_string),
        ),
    }
}

fn as_auth_error<'a>(link: &'a (dyn Error + 'static)) -> Option<&'a AuthError> {
    link.downcast_ref::<AuthError>()
        .or_else(|| match link.downcast_ref::<kube::Error>() {
            Some(kube::Error::Auth(auth)) => Some(auth),
            _ => None,
        })
}

/// A line without the words that look like a token: a JSON web token, one of EKS, or anything as long and as mixed as a key.
fn without_tokens(line: &str) -> String {
    const SHORTEST_KEY: usize = 32;
    let is_token = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
        let is_key = word.len() >= SHORTEST_KEY
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+/_=.-".contains(c))
            && has(char::is_ascii_digit)
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_lowercase);
        is_key || word.starts_with("eyJ") || word.starts_with("k8s-aws-v1.")
    };
    // A path or an address may be long too, and says what is wrong.
    let is_place = |word: &str| word.starts_with('/') || word.contains("://");
    let words = line.split(' ').map(|word| {
        let value = word
            .rsplit(['=', '"', '\'', ':'])
            .find(|part| !part.is_empty())
            .unwrap_or(word);
        if !is_place(word) && (is_token(word) || is_token(value)) {
            "(not shown)"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// In `kubectl`'s manner (`client-go` `plugin/pkg/client/auth/exec`), without what the plugin wrote to stdout.
fn credentials(error: &AuthError, parties: &Parties) -> HubError {
    let cause = match error {
        AuthError::AuthExecRun { out, .. } => {
            let stderr = String::from_utf8_lossy(&out.stderr);
            let last = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
            match last {
                Some(line) => format!("it failed with {}: {}", out.status, without_tokens(line)),
                None => format!("it failed with {}", out.status),
            }
        }
        AuthError::AuthExecStart(error) | AuthError::NoValidNativeRootCA(error) => error.to_string(),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "it printed no ExecCredential with a status".into()
        }
        AuthError::ReadTokenFile(error, path) => format!("token file {}: {error}", path.display()),
        AuthError::MissingCommand => "the kubeconfig names no command".into(),
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => {
            "it holds characters that a request header cannot".into()
        }
        AuthError::AuthExec(text) => text.clone(),
        AuthError::UnrefreshableTokenResponse => "its token cannot be renewed".into(),
        _ => "the credential cannot be used".into(),
    };
    HubError::Credentials {
        command: parties
            .credential_command
            .clone()
            .unwrap_or_else(|| "the kubeconfig".into()),
        cause: Cause::new(cause),
    }
}

/// An answer that is no success.
pub(crate) fn refusal(code: u16, body: &[u8], ask: Ask<'_>, parties: &Parties) -> HubError {
    let mut status: Status = serde_json::from_slice(body).unwrap_or_default();
    if status.message.is_empty() {
        status.message = plain_text(body);
    }
    match code {
        401 => HubError::Unauthorized {
            message: status.message,
        },
        403 => HubError::Forbidden(Box::new(forbidden(status.message, ask, parties))),
        404 if names_namespace(&status) => HubError::NamespaceMissing {
            namespace: ask.namespace.unwrap_or_default().to_owned(),
        },
        409 if status.is_already_exists() => HubError::AlreadyExists {
            resource: ask.resource.to_owned(),
            name: ask.name.unwrap_or_default().to_owned(),
        },
        422 => HubError::Invalid(invalid(&status)),
        _ => HubError::Api {
            code,
            reason: if status.reason.is_empty() {
                code.to_string()
            } else {
                status.reason
            },
            message: status.message,
        },
    }
}

fn forbidden(message: String, ask: Ask<'_>, parties: &Parties) -> Forbidden {
    let message = if message.is_empty() {
        let namespace = ask
            .namespace
            .map(|namespace| format!(" in the namespace \"{namespace}\""))
            .unwrap_or_default();
        format!(
            "User \"{}\" cannot {} resource \"{}\"{namespace}",
            parties.user, ask.verb, ask.resource
        )
    } else {
        message
    };
    Forbidden {
        verb: ask.verb,
        resource: ask.resource,
        namespace: ask.namespace.map(str::to_owned),
        user: parties.user.clone(),
        message,
    }
}

/// A create in a namespace that is not there is answered with the namespace as the thing not found.
fn names_namespace(status: &Status) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| details.kind == "namespaces")
}

/// `The Secret "x" is invalid: …`, one cause on the line, several as a list without duplicates (kubectl `cmd/util`).
fn invalid(status: &Status) -> String {
    let Some(details) = &status.details else {
        return status.message.clone();
    };
    let mut causes: Vec<String> = details.causes.iter().map(cause_text).collect();
    let mut seen = std::collections::BTreeSet::new();
    causes.retain(|cause| seen.insert(cause.clone()));
    let head = format!("The {} \"{}\" is invalid", details.kind, details.name);
    match causes.as_slice() {
        [] => status.message.clone(),
        [one] => format!("{head}: {one}"),
        several => format!("{head}: \n* {}", several.join("\n* ")),
    }
}

fn cause_text(cause: &StatusCause) -> String {
    if cause.field.is_empty() {
        cause.message.clone()
    } else {
        format!("{}: {}", cause.field, cause.message)
    }
}

/// A body that is no Status, from a proxy say: its first line, cut.
fn plain_text(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

/// Where a JSON text cannot be read; `serde_json` itself may quote the value.
pub(crate) fn json_cause(error: &serde_json::Error) -> Cause {
    let kind = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is not JSON",
        _ => "it does not have the expected form",
    };
    Cause::new(format!(
        "{kind} (line {}, column {})",
        error.line(),
        error.column()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: Ask<'static> = Ask {
        verb: "list",
        resource: "secrets",
        namespace: Some("argocd"),
        name: None,
    };

    fn parties() -> Parties {
        Parties {
            host: "1.2.3.4:6443".into(),
            user: "jo".into(),
            credential_command: Some("aws".into()),
        }
    }

    #[test]
    fn refusals_speak_as_kubectl_does() {
        let body = br#"{"kind":"Status","status":"Failure","code":403,"reason":"Forbidden","message":"secrets is forbidden: User \"jo\" cannot list resource \"secrets\" in API group \"\" in the namespace \"argocd\""}"#;
        let error = refusal(403, body, ASK, &parties());
        assert_eq!(
            error.to_string(),
            "Error from server (Forbidden): secrets is forbidden: User \"jo\" cannot list resource \"secrets\" in API group \"\" in the namespace \"argocd\""
        );
        assert!(
            error
                .hint()
                .unwrap()
                .contains("kubectl auth can-i list secrets -n argocd")
        );
        let bare = refusal(403, b"", ASK, &parties());
        assert_eq!(
            bare.to_string(),
            "Error from server (Forbidden): User \"jo\" cannot list resource \"secrets\" in the namespace \"argocd\""
        );
        let body = br#"{"message":"secrets \"dev\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: toggles only","reason":"Forbidden"}"#;
        let patch = Ask { verb: "patch", ..ASK };
        let hint = refusal(403, body, patch, &parties()).hint().unwrap();
        assert!(
            hint.starts_with("no right is missing: a rule of the hub refuses this"),
            "{hint}"
        );
        assert!(bare.hint().unwrap().contains("jo needs \"list\" on secrets"));
        let error = refusal(401, br#"{"message":"Unauthorized","code":401}"#, ASK, &parties());
        assert_eq!(
            error.to_string(),
            "You must be logged in to the server (Unauthorized)"
        );
        let body = br#"{"message":"x","reason":"Invalid","details":{"name":"dev","kind":"Secret","causes":[{"field":"metadata.labels","message":"bad"},{"field":"metadata.labels","message":"bad"}]}}"#;
        assert_eq!(
            refusal(422, body, ASK, &parties()).to_string(),
            "The Secret \"dev\" is invalid: metadata.labels: bad"
        );
        let body = br#"{"message":"namespaces \"argocd\" not found","reason":"NotFound","details":{"name":"argocd","kind":"namespaces"}}"#;
        assert!(matches!(
            refusal(404, body, ASK, &parties()),
            HubError::NamespaceMissing { namespace } if namespace == "argocd"
        ));
        assert_eq!(
            refusal(502, b"<html>\nbad gateway", ASK, &parties()).to_string(),
            "Error from server (502): <html>"
        );
    }

    #[test]
    fn what_looks_like_a_token_is_not_shown() {
        for (line, shown) in [
            ("Unable to locate credentials", "Unable to locate credentials"),
            (
                "got eyJhbGciOi.planted.x, which is old",
                "got (not shown) which is old",
            ),
            ("token=k8s-aws-v1.cGxhbnRlZA rejected", "(not shown) rejected"),
            (
                "bad key \"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE0KEY=\"",
                "bad key (not shown)",
            ),
            (
                "User: arn:aws:iam::111122223333:user/Jo is not authorized to perform sts:AssumeRole",
                "User: arn:aws:iam::111122223333:user/Jo is not authorized to perform sts:AssumeRole",
            ),
            (
                "open /Users/Jo/.config/Some1thing/very/long/indeed/credentials: no such file",
                "open /Users/Jo/.config/Some1thing/very/long/indeed/credentials: no such file",
            ),
        ] {
            assert_eq!(without_tokens(line), shown);
        }
    }

    #[test]
    fn what_a_credential_plugin_printed_is_not_shown() {
        let out = std::process::Output {
            status: std::process::ExitStatus::default(),
            stdout: b"planted-token".to_vec(),
            stderr: b"warming up\nUnable to locate credentials\n\n".to_vec(),
        };
        let auth = AuthError::AuthExecRun {
            cmd: "AWS_SECRET=planted-env aws".into(),
            out: Box::new(out),
        };
        let error = no_answer(&kube::Error::Auth(auth), &parties());
        let shown = format!("{error} {error:?} {}", error.source().unwrap());
        assert!(
            shown.contains("Unable to locate credentials") && shown.contains("aws"),
            "{shown}"
        );
        assert!(!shown.contains("planted"), "{shown}");
    }

    #[test]
    fn a_refused_connection_is_told_from_others() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            no_answer(&kube::Error::Service(Box::new(refused)), &parties()).to_string(),
            "The connection to the server 1.2.3.4:6443 was refused - did you specify the right host or port?"
        );
        let other = io::Error::other("certificate has expired");
        let error = no_answer(&kube::Error::Service(Box::new(other)), &parties());
        assert_eq!(error.to_string(), "Unable to connect to the server");
        assert_eq!(error.source().unwrap().to_string(), "certificate has expired");
    }

    #[test]
    fn a_value_that_cannot_be_read_is_not_quoted() {
        let error = serde_json::from_str::<u32>("\"planted\"").unwrap_err();
        assert!(!json_cause(&error).to_string().contains("planted"));
    }
}
