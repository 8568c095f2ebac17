//! Answers of AWS that the plugin relies on, asked for one by one: whether those who made the stand-ins read AWS as we do.

use serde_json::json;
use testbed::{AwsCli, HOME_ACCOUNT};

use super::stage::{Stage, What, at_once, hub_role, platform, policy};

/// The code of the error that a command ends with; empty if it succeeds.
fn code(aws: &AwsCli, line: &str, more: &[&str]) -> String {
    let words: Vec<&str> = line.split(' ').chain(more.iter().copied()).collect();
    match aws.attempt(&words).unwrap() {
        Ok(_) => String::new(),
        Err(refused) => refused.code,
    }
}

pub fn all(stage: &Stage) {
    at_once(&[&|| of_eks(stage), &|| of_iam(stage)]);
}

fn of_eks(stage: &Stage) {
    let home = &stage.home;
    let nobody = format!("arn:aws:iam::{HOME_ACCOUNT}:role/nobody");
    let create = "eks create-access-entry --cluster-name hub --principal-arn";
    let hub_role = hub_role();
    for (line, more, expected) in [
        (
            "eks describe-cluster --name none",
            "",
            "ResourceNotFoundException",
        ),
        (
            "eks describe-access-entry --cluster-name hub --principal-arn",
            nobody.as_str(),
            "ResourceNotFoundException",
        ),
        (create, &hub_role, ""),
        (create, &hub_role, "ResourceInUseException"),
        (
            "eks delete-access-entry --cluster-name hub --principal-arn",
            &nobody,
            "ResourceNotFoundException",
        ),
    ] {
        let more: Vec<&str> = Some(more).filter(|more| !more.is_empty()).into_iter().collect();
        assert_eq!(code(home, line, &more), expected, "{line}");
    }
    let refuses = |more: &[&str]| code(home, create, more) == "InvalidParameterException";
    let platform = platform(HOME_ACCOUNT);
    stage.is_right(
        What::SystemGroups,
        refuses(&[&platform, "--kubernetes-groups", "system:masters"]),
    );
    stage.is_right(What::Principals, refuses(&[&nobody]));
    let entries = |more: &[&str]| {
        let list = ["eks", "list-access-entries", "--cluster-name", "hub"];
        let answer = home.ask(&[&list, more].concat()).unwrap();
        answer["accessEntries"].as_array().unwrap().len()
    };
    let all = entries(&[]);
    assert!(all > 1, "at least that of the cluster's creator, and ours");
    stage.is_right(What::Pages, entries(&["--page-size", "1"]) == all);
}

pub fn of_iam(stage: &Stage) {
    let home = &stage.home;
    let trust = |principal: serde_json::Value| {
        policy(&json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}))
    };
    let create = "iam create-role --role-name rules --assume-role-policy-document";
    let pods = trust(json!({"Service": "pods.eks.amazonaws.com"}));
    let right = |resource: &str| {
        policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource}))
    };
    let put = "iam put-role-policy --role-name rules --policy-name p --policy-document";
    let small = right("arn:aws:iam::444455556666:role/x");
    for (line, more, expected) in [
        ("iam delete-role --role-name rules", "", "NoSuchEntity"),
        (create, pods.as_str(), ""),
        (create, &pods, "EntityAlreadyExists"),
        (
            "iam get-role-policy --role-name rules --policy-name p",
            "",
            "NoSuchEntity",
        ),
        (put, &small, ""),
        ("iam delete-role --role-name rules", "", "DeleteConflict"),
        (
            "iam delete-role-policy --role-name rules --policy-name q",
            "",
            "NoSuchEntity",
        ),
        (put, "{", "MalformedPolicyDocument"),
    ] {
        let more: Vec<&str> = Some(more).filter(|more| !more.is_empty()).into_iter().collect();
        assert_eq!(code(home, line, &more), expected, "{line}");
    }
    let long = right(&format!("arn:aws:iam::444455556666:role/{}", "x".repeat(10_240)));
    stage.is_right(What::PolicySizes, code(home, put, &[&long]) == "LimitExceeded");
    let nobody = trust(json!({"AWS": format!("arn:aws:iam::{HOME_ACCOUNT}:role/nobody")}));
    let update = "iam update-assume-role-policy --role-name rules --policy-document";
    stage.is_right(
        What::TrustedRoles,
        code(home, update, &[&nobody]) == "MalformedPolicyDocument",
    );
}
