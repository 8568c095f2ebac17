//! EKS access policies: what an access entry allows.

/// Short words for the access policies that suit Argo CD, and the names that EKS gives them.
const POLICIES: [(&str, &str); 4] = [
    ("cluster-admin", "AmazonEKSClusterAdminPolicy"),
    ("admin", "AmazonEKSAdminPolicy"),
    ("edit", "AmazonEKSEditPolicy"),
    ("view", "AmazonEKSViewPolicy"),
];

/// Not an access policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no EKS access policy: say cluster-admin, admin, edit or view, a name as \"aws eks list-access-policies\" shows it, \
     or its ARN"
)]
pub struct NotAPolicy(pub String);

/// The ARN of an access policy said as a short word, a name or an ARN.
pub fn policy_arn(word: &str, partition: &str) -> Result<String, NotAPolicy> {
    if word.starts_with("arn:") {
        return if word.contains(":eks::aws:cluster-access-policy/") {
            Ok(word.to_owned())
        } else {
            Err(NotAPolicy(word.to_owned()))
        };
    }
    let name = POLICIES
        .iter()
        .find(|(short, _)| *short == word)
        .map_or(word, |(_, name)| name);
    if name.starts_with("Amazon") && name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(format!("arn:{partition}:eks::aws:cluster-access-policy/{name}"))
    } else {
        Err(NotAPolicy(word.to_owned()))
    }
}

/// The name in the ARN of an access policy.
pub fn policy_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_names_and_arns() {
        let arn = "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSEditPolicy";
        for word in ["edit", "AmazonEKSEditPolicy", arn] {
            assert_eq!(policy_arn(word, "aws-cn").unwrap(), arn);
        }
        assert_eq!(policy_name(arn), "AmazonEKSEditPolicy");
        for wrong in [
            "",
            "root",
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "Amazon/x",
        ] {
            assert!(policy_arn(wrong, "aws").is_err(), "{wrong}");
        }
    }
}
