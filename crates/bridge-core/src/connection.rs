//! How Argo CD gets into a cluster: the `config` of a cluster Secret.

use serde_json::{Map, Value, json};

/// The `config` of a cluster Secret as it stands, unknown members included. Holds credentials: no `Debug` of its
/// content, no `Serialize`; what may be shown is [`Connection`].
#[derive(Clone, Default, PartialEq)]
pub struct Config(Map<String, Value>);

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Config(…)")
    }
}

/// Why a `config` cannot be read. Argo CD then deletes no Application on the whole hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("config is not a JSON object{}", position.map(|(line, column)| format!(" (line {line}, column {column})")).unwrap_or_default())]
pub struct ConfigError {
    // Never the parser's own text: it may quote what it read.
    position: Option<(usize, usize)>,
}

/// A way in, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// No `config` members that matter: the hub itself.
    InCluster,
    /// EKS token of a role of its own that Argo CD assumes first.
    EksRole {
        /// EKS cluster name.
        cluster_name: String,
        /// Role that Argo CD assumes.
        role_arn: String,
    },
    /// EKS token of the hub's own role.
    EksDirect {
        /// EKS cluster name.
        cluster_name: String,
    },
    /// `server` is an EKS cluster ARN: Argo CD as an EKS capability.
    ManagedArn,
    /// A bearer token.
    Token,
    /// A client certificate.
    ClientCertificate,
    /// User name and password.
    Basic {
        /// User name.
        username: String,
    },
    /// A credential plugin.
    Exec {
        /// Its command.
        command: String,
    },
    /// No credential at all, for a server that is not the hub.
    Anonymous,
    /// `config` cannot be read.
    Malformed(ConfigError),
}

impl Connection {
    /// One word: `in-cluster`, `role`, `direct`, `capability`, `token`, `certificate`, `basic`, `exec`, `none`, `malformed`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::InCluster => "in-cluster",
            Self::EksRole { .. } => "role",
            Self::EksDirect { .. } => "direct",
            Self::ManagedArn => "capability",
            Self::Token => "token",
            Self::ClientCertificate => "certificate",
            Self::Basic { .. } => "basic",
            Self::Exec { .. } => "exec",
            Self::Anonymous => "none",
            Self::Malformed(_) => "malformed",
        }
    }

    /// Reads `config` beside its `server`, in Argo CD's order of precedence (`types.go`, `RESTConfig`).
    pub fn read(server: &str, config: &Result<Option<Config>, ConfigError>) -> Self {
        let empty = Map::new();
        let config = match config {
            Err(error) => return Self::Malformed(error.clone()),
            Ok(None) => &empty,
            Ok(Some(Config(members))) => members,
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        // To Go, a null member is an absent one.
        let member = |key: &str| config.get(key).filter(|member| !member.is_null());
        let is_arn = server.starts_with("arn:");
        if let Some(aws) = member("awsAuthConfig").filter(|_| !is_arn) {
            let cluster_name = text(aws.get("clusterName"));
            let role_arn = text(aws.get("roleARN"));
            return if role_arn.is_empty() {
                Self::EksDirect { cluster_name }
            } else {
                Self::EksRole {
                    cluster_name,
                    role_arn,
                }
            };
        }
        if let Some(exec) = member("execProviderConfig") {
            return Self::Exec {
                command: text(exec.get("command")),
            };
        }
        let tls = config.get("tlsClientConfig");
        let username = text(config.get("username"));
        if !text(config.get("bearerToken")).is_empty() {
            Self::Token
        } else if !text(tls.and_then(|tls| tls.get("certData"))).is_empty() {
            Self::ClientCertificate
        } else if !username.is_empty() {
            Self::Basic { username }
        } else if is_arn {
            Self::ManagedArn
        } else if crate::cluster::same_server(server, crate::cluster::IN_CLUSTER_SERVER) {
            Self::InCluster
        } else {
            Self::Anonymous
        }
    }
}

impl Config {
    /// Reads the bytes of `data.config`; empty counts as absent.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, ConfigError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Some(Self(members))),
            Ok(_) => Err(ConfigError { position: None }),
            Err(error) => Err(ConfigError {
                position: Some((error.line(), error.column())),
            }),
        }
    }

    /// EKS token of the hub's role, or of `role_arn` where one is given; `ca` is base64 as EKS returns it.
    pub fn eks(cluster_name: &str, ca: &str, role_arn: Option<&str>) -> Self {
        let mut aws = json!({ "clusterName": cluster_name });
        if let Some(role_arn) = role_arn {
            aws["roleARN"] = role_arn.into();
        }
        Self::object(json!({ "awsAuthConfig": aws, "tlsClientConfig": { "insecure": false, "caData": ca } }))
    }

    /// A bearer token; `ca` is base64, absent for a publicly trusted server.
    pub fn token(token: &str, ca: Option<&str>) -> Self {
        let mut tls = json!({ "insecure": false });
        if let Some(ca) = ca {
            tls["caData"] = ca.into();
        }
        Self::object(json!({ "bearerToken": token, "tlsClientConfig": tls }))
    }

    /// A client certificate; all three are base64 of PEM.
    pub fn client_certificate(certificate: &str, key: &str, ca: Option<&str>) -> Self {
        let mut tls = json!({ "insecure": false, "certData": certificate, "keyData": key });
        if let Some(ca) = ca {
            tls["caData"] = ca.into();
        }
        Self::object(json!({ "tlsClientConfig": tls }))
    }

    /// The hub itself.
    pub fn in_cluster() -> Self {
        Self::object(json!({ "tlsClientConfig": { "insecure": false } }))
    }

    /// Sets `proxyUrl` (http, https or socks5).
    #[must_use]
    pub(crate) fn with_proxy(mut self, url: &str) -> Self {
        self.0.insert("proxyUrl".into(), url.into());
        self
    }

    /// Sets the name that the server's certificate must have, where it is not that of the server.
    #[must_use]
    pub(crate) fn with_server_name(mut self, name: &str) -> Self {
        if let Some(tls) = self.0.get_mut("tlsClientConfig").and_then(Value::as_object_mut) {
            tls.insert("serverName".into(), name.into());
        }
        self
    }

    /// This config laid over what a Secret holds, member by member: what Argo CD or somebody else added stays, but no
    /// credential of another kind, which could win over the new one.
    #[must_use]
    pub(crate) fn merged_over(&self, existing: &Self) -> Self {
        const CREDENTIALS: [&str; 5] = [
            "awsAuthConfig",
            "execProviderConfig",
            "bearerToken",
            "username",
            "password",
        ];
        let mut merged = existing.0.clone();
        for key in CREDENTIALS {
            merged.remove(key);
        }
        if let Some(tls) = merged.get_mut("tlsClientConfig").and_then(Value::as_object_mut) {
            // A CA of old with `insecure` would be refused; both come from the new config.
            for key in ["certData", "keyData", "caData", "insecure"] {
                tls.remove(key);
            }
        }
        // `profile` is the one member of awsAuthConfig that this project does not write.
        if let (Some(profile), Some(_)) = (
            existing.0.get("awsAuthConfig").and_then(|aws| aws.get("profile")),
            self.0.get("awsAuthConfig"),
        ) {
            merged.insert("awsAuthConfig".into(), json!({ "profile": profile }));
        }
        lay_over(&mut merged, &self.0);
        Self(merged)
    }

    /// The certificate authority, base64 of PEM. No secret.
    pub fn certificate_authority(&self) -> Option<&str> {
        self.0
            .get("tlsClientConfig")
            .and_then(|tls| tls.get("caData"))
            .and_then(Value::as_str)
            .filter(|data| !data.is_empty())
    }

    /// The JSON text for `data.config`. Holds credentials.
    pub(crate) fn expose(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    fn object(value: Value) -> Self {
        match value {
            Value::Object(members) => Self(members),
            _ => Self::default(),
        }
    }
}

fn lay_over(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => lay_over(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(server: &str, config: &Value) -> Connection {
        Connection::read(server, &Config::parse(config.to_string().as_bytes()))
    }

    #[test]
    fn each_shape_has_its_word() {
        let s = "https://x";
        for (server, config, word) in [
            (
                "https://kubernetes.default.svc/",
                json!({"tlsClientConfig": {"insecure": false}}),
                "in-cluster",
            ),
            (
                s,
                json!({"awsAuthConfig": {"clusterName": "a", "roleARN": "arn:r"}}),
                "role",
            ),
            (
                s,
                json!({"awsAuthConfig": {"clusterName": "a"}, "bearerToken": "t"}),
                "direct",
            ),
            (
                "arn:aws:eks:eu-west-1:1:cluster/a",
                json!({"awsAuthConfig": {"clusterName": "a"}}),
                "capability",
            ),
            (s, json!({"bearerToken": "t"}), "token"),
            (
                s,
                json!({"tlsClientConfig": {"certData": "c", "keyData": "k"}}),
                "certificate",
            ),
            (s, json!({"username": "u", "password": "p"}), "basic"),
            (s, json!({"execProviderConfig": {"command": "aws"}}), "exec"),
            (
                s,
                json!({"awsAuthConfig": null, "execProviderConfig": null}),
                "none",
            ),
            (s, json!({}), "none"),
            (s, json!([]), "malformed"),
        ] {
            assert_eq!(read(server, &config).word(), word, "{config}");
        }
    }

    #[test]
    fn a_malformed_config_is_not_quoted() {
        let error = Config::parse(b"{\"bearerToken\": hunter2}").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        assert!(error.to_string().contains("line 1"));
    }

    #[test]
    fn merging_keeps_what_is_not_ours_and_drops_the_old_credential() {
        let old = Config::object(json!({
            "bearerToken": "old", "disableCompression": true, "proxyUrl": "http://p",
            "awsAuthConfig": {"clusterName": "a", "roleARN": "r", "profile": "q"},
            "tlsClientConfig": {"serverName": "s", "caData": "old", "insecure": true},
        }));
        let merged = Config::eks("b", "ca", None).merged_over(&old);
        let expected = json!({
            "disableCompression": true, "proxyUrl": "http://p",
            "awsAuthConfig": {"clusterName": "b", "profile": "q"},
            "tlsClientConfig": {"serverName": "s", "caData": "ca", "insecure": false},
        });
        assert_eq!(serde_json::from_str::<Value>(&merged.expose()).unwrap(), expected);
        assert_eq!(format!("{merged:?}"), "Config(…)");
    }
}
