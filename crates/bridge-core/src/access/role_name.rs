//! The name of a spoke's role.

use sha2::{Digest as _, Sha256};

use crate::facts::EksArn;

/// IAM's limit.
const LONGEST: usize = 64;

/// Not a role name or path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleNameError {
    /// IAM: 1 to 64 letters, digits and `+=,.@_-`.
    #[error("\"{0}\" is no IAM role name: 1 to 64 letters, digits, and any of +=,.@_-")]
    Name(String),
    /// IAM: begins and ends with `/`.
    #[error("\"{0}\" is no IAM path: it begins and ends with \"/\", as /argocd/")]
    Path(String),
}

/// The ARN of the role of a spoke: `argocd-spoke-<region>-<cluster>` unless named, in the account of the spoke. Roles have no
/// region, clusters have; where the name gets too long its end is a hash of the cluster's ARN.
pub fn role_arn(spoke: &EksArn, name: Option<&str>, path: Option<&str>) -> Result<String, RoleNameError> {
    let name = name.map_or_else(|| default_name(spoke), str::to_owned);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(fits) {
        return Err(RoleNameError::Name(name));
    }
    let path = path.unwrap_or("/");
    let whole = path.starts_with('/') && path.ends_with('/') && !path.contains("//");
    if !whole || path.len() > 512 || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RoleNameError::Path(path.to_owned()));
    }
    Ok(format!(
        "arn:{}:iam::{}:role{path}{name}",
        spoke.partition, spoke.account
    ))
}

fn default_name(spoke: &EksArn) -> String {
    let name = format!("argocd-spoke-{}-{}", spoke.region, spoke.name);
    if name.len() <= LONGEST {
        return name;
    }
    let hash = Sha256::digest(spoke.to_string());
    let hash = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    format!("{}-{hash:08x}", &name[..LONGEST - 9])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_paths_and_their_limits() {
        let mut spoke = EksArn::parse("arn:aws:eks:eu-west-1:111122223333:cluster/dev").unwrap();
        assert_eq!(
            role_arn(&spoke, None, None).unwrap(),
            "arn:aws:iam::111122223333:role/argocd-spoke-eu-west-1-dev"
        );
        assert_eq!(
            role_arn(&spoke, Some("x"), Some("/argocd/")).unwrap(),
            "arn:aws:iam::111122223333:role/argocd/x"
        );
        for path in ["argocd", "/argocd", "//", ""] {
            assert!(role_arn(&spoke, None, Some(path)).is_err(), "{path}");
        }
        for name in ["", "a b", &"x".repeat(65)] {
            assert!(role_arn(&spoke, Some(name), None).is_err(), "{name}");
        }
        spoke.name = "x".repeat(100);
        let long = role_arn(&spoke, None, None).unwrap();
        assert_eq!(long.rsplit('/').next().unwrap().len(), 64);
        spoke.account = "444455556666".into();
        let other = role_arn(&spoke, None, None).unwrap();
        assert_ne!(long.rsplit('/').next(), other.rsplit('/').next());
    }
}
