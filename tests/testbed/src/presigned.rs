//! The tokens of EKS: a request to STS, signed in its URL (Signature Version 4), in base64.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use k8s_openapi::jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "k8s-aws-v1.";
/// What EKS signs the name of the cluster in.
const CLUSTER: &str = "x-k8s-aws-id";
/// For how long STS takes such a request, whatever it says itself.
const LASTS_SECONDS: i64 = 15 * 60;

/// A token, taken apart.
#[derive(Debug)]
pub(crate) struct Presigned {
    host: String,
    /// As in the URL, still encoded.
    parameters: BTreeMap<String, String>,
}

impl Presigned {
    pub(crate) fn of(token: &str) -> Result<Self> {
        let encoded = token.strip_prefix(PREFIX).context("no token of EKS")?;
        let url = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(encoded)?)?;
        let (_, rest) = url.split_once("://").context("no URL in the token")?;
        let (host, query) = rest.split_once("/?").context("no request to STS in the token")?;
        let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
        let presigned = Self {
            host: host.to_owned(),
            parameters: parameters
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        };
        ensure!(
            presigned.get("Action")? == "GetCallerIdentity",
            "it asks STS for something else"
        );
        Ok(presigned)
    }

    fn get(&self, name: &str) -> Result<&str> {
        let value = self.parameters.get(name);
        Ok(value.with_context(|| format!("the token has no {name}"))?)
    }

    /// Access key, date, region and service.
    fn scope(&self) -> Result<Vec<String>> {
        let credential = self.get("X-Amz-Credential")?.replace("%2F", "/");
        let scope: Vec<String> = credential.split('/').map(str::to_owned).collect();
        ensure!(scope.len() == 5 && scope[3] == "sts", "it is not signed for STS");
        Ok(scope)
    }

    pub(crate) fn access_key(&self) -> Result<String> {
        Ok(self.scope()?.swap_remove(0))
    }

    /// The token of a session, decoded; empty for who has none.
    pub(crate) fn session_token(&self) -> String {
        let encoded = self.parameters.get("X-Amz-Security-Token");
        encoded
            .map(|text| text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "="))
            .unwrap_or_default()
    }

    /// Whether it was signed with this secret, for this cluster, and not too long ago.
    pub(crate) fn verify(&self, secret: &str, cluster: &str) -> Result<()> {
        let date = self.get("X-Amz-Date")?;
        let signed_at: Timestamp = DateTime::strptime("%Y%m%dT%H%M%SZ", date)?
            .to_zoned(TimeZone::UTC)?
            .timestamp();
        let age = Timestamp::now().as_second() - signed_at.as_second();
        ensure!((-60..LASTS_SECONDS).contains(&age), "it was signed {age} s ago");
        let names = self.get("X-Amz-SignedHeaders")?.replace("%3B", ";");
        ensure!(
            names.split(';').any(|name| name == CLUSTER),
            "the name of the cluster is not signed"
        );
        let headers: String = names
            .split(';')
            .map(|name| match name {
                "host" => format!("host:{}\n", self.host),
                CLUSTER => format!("{CLUSTER}:{cluster}\n"),
                other => format!("{other}:?\n"),
            })
            .collect::<Vec<_>>()
            .concat();
        let query: Vec<String> = self
            .parameters
            .iter()
            .filter(|(name, _)| *name != "X-Amz-Signature")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = format!(
            "GET\n/\n{}\n{headers}\n{names}\n{}",
            query.join("&"),
            hex(&Sha256::digest(b""))
        );
        let scope = self.scope()?;
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{date}\n{}\n{}",
            scope[1..].join("/"),
            hex(&Sha256::digest(request.as_bytes()))
        );
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in &scope[1..] {
            key = hmac(&key, part.as_bytes());
        }
        let signature = hex(&hmac(&key, to_sign.as_bytes()));
        ensure!(
            signature == self.get("X-Amz-Signature")?,
            "the signature is not that of the key, or of another cluster than {cluster}"
        );
        Ok(())
    }
}

/// RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut block = if key.len() > BLOCK {
        Sha256::digest(key).to_vec()
    } else {
        key.to_vec()
    };
    block.resize(BLOCK, 0);
    let pad = |with: u8| -> Vec<u8> { block.iter().map(|byte| byte ^ with).collect() };
    let inner = Sha256::new()
        .chain_update(pad(0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn hmac_as_the_standard_has_it() {
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
