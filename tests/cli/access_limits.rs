//! Access in AWS where IAM sets limits: what is said then works, word by word, in AWS's own client.

use serde_json::json;
use testbed::IamRole;

use crate::access::{AWAY, HOME, Identity, Stage};

const REGISTER: &str = "--create-role --access-policy cluster-admin";
const ROLE: &str = "arn:aws:iam::444455556666:role/argocd-spoke-us-west-2-dev";
const BOTH: [&str; 2] = ["sts:AssumeRole", "sts:TagSession"];

/// Runs a command that the plugin has printed, in the account that it names, else in the hub's.
fn run(stage: &Stage, command: &str) {
    let aws = std::env::var("BRIDGE_AWS_CLI").unwrap_or_else(|_| "aws".to_owned());
    let account = command
        .split_once("# account ")
        .map_or(HOME, |(_, account)| &account[..12]);
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!("aws() {{ '{aws}' \"$@\"; }}\n{command}"))
        .envs(stage.fake.env())
        .env("AWS_ACCESS_KEY_ID", account)
        .env("AWS_PAGER", "")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {error}");
}

/// The commands in what was printed, each to the end of its line.
fn commands(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.find("aws ").map(|at| &line[at..]))
        .filter(|line| line.starts_with("aws eks ") || line.starts_with("aws iam "))
        .collect()
}

/// Fills the hub's role with rights to assume other spokes' roles, as this tool gives them, until none fits any more.
fn fill(stage: &Stage) -> usize {
    let mut hub = stage.fake.role(&stage.role).unwrap();
    let used = |hub: &IamRole| -> usize { hub.inline.values().map(|right| right.to_string().len()).sum() };
    loop {
        let name = format!("argocd-spoke-us-west-2-{:03}", hub.inline.len());
        let right = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": BOTH, "Resource": format!("arn:aws:iam::{AWAY}:role/{name}")}],
        });
        if used(&hub) + right.to_string().len() > 10_240 {
            break;
        }
        hub.inline.insert(format!("kubectl-bridge-{AWAY}-{name}"), right);
    }
    let rights = hub.inline.len();
    stage.fake.add_role(hub);
    rights
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_for_the_right_of_one_more_spoke() {
    let stage = Stage::set(Identity::Pods, AWAY).await;
    let rights = fill(&stage);
    assert!(rights > 50, "{rights}");
    let clean = stage.fake.snapshot();
    let refused = stage.line(&stage.register(REGISTER)).fails(
        1,
        &[
            "argocd-hub has no room for the right to assume",
            "of the 10240 characters that IAM allows",
            "nothing was changed",
        ],
    );
    stage.is_clean(&clean, "no room").await;

    // Who may not look learns it from IAM, before anything else is made; and what there is of it can be taken back.
    stage.fake.deny(HOME, "iam:ListRolePolicies");
    stage.line(&stage.register(REGISTER)).fails(
        1,
        &[
            "AWS: allow arn:aws:iam::111122223333:role/argocd-hub to assume",
            "Maximum policy size of 10240 bytes exceeded for role argocd-hub",
            "aws iam create-policy",
        ],
    );
    assert_eq!(stage.fake.snapshot(), clean);
    stage.fake.allow_all();
    stage.line(&stage.unregister()).fine();
    stage.is_clean(&clean, "given up").await;

    // The way out that was said.
    let said = commands(&refused.stderr);
    assert_eq!(said.len(), 2, "{}", refused.stderr);
    for command in said {
        run(&stage, command);
    }
    assert!(
        refused
            .stderr
            .contains("run this again with --role-path /argocd/"),
        "{}",
        refused.stderr
    );
    let clean = stage.fake.snapshot();
    let ran = stage.line(&stage.register(&format!("{REGISTER} --role-path /argocd/")));
    assert!(ran.stderr.contains("may assume it already"), "{}", ran.stderr);
    ran.fine();
    let role = ROLE.replace("role/", "role/argocd/");
    assert!(stage.fake.may_assume(&stage.role, &role, &BOTH));
    assert_eq!(stage.fake.role(&stage.role).unwrap().inline.len(), rights);
    stage.line(&stage.unregister()).fine();
    stage.is_clean(&clean, "the managed policy stays").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_others_use_stays() {
    let stage = Stage::set(Identity::Pods, AWAY).await;
    let clean = stage.fake.snapshot();
    stage.line(&stage.register(REGISTER)).fine();
    let mut role = stage
        .fake
        .role(ROLE)
        .unwrap()
        .allowing("theirs", &["s3:GetObject"], "*");
    role.attached = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()];
    stage.fake.add_role(role.clone());
    let ran = stage.line(&stage.unregister());
    let stays = "stays in AWS: IAM role arn:aws:iam::444455556666:role/argocd-spoke-us-west-2-dev: somebody gave it policies \
                 (theirs, arn:aws:iam::aws:policy/ReadOnlyAccess)";
    assert!(ran.stderr.contains(stays), "{}", ran.stderr);
    assert_eq!(ran.clone().fine(), "cluster/dev deleted\n");
    assert_eq!(stage.fake.role(ROLE), Some(role), "as it was");
    assert_eq!(stage.entry(ROLE), None);
    assert_eq!(stage.fake.role(&stage.role).unwrap().inline.len(), 0);
    assert_eq!((stage.secret().await, stage.notes().await), (None, String::new()));
    // It is still ours: wanted again it is taken as it is.
    stage.line(&stage.register(REGISTER)).fine();
    assert!(stage.admin_of(ROLE));
    stage.line(&stage.unregister()).fine();
    // And once nobody needs it, it goes by the commands that were said.
    let line = commands(&ran.stderr)[0];
    for command in line.split("; ") {
        run(&stage, &format!("{command} # account {AWAY}"));
    }
    stage.is_clean(&clean, "by hand").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_do_by_hand_does_it() {
    let stage = Stage::set(Identity::Pods, AWAY).await;
    let clean = stage.fake.snapshot();
    stage.line(&stage.register(REGISTER)).fine();
    let ran = stage.line("unregister dev --skip-access");
    let said = commands(&ran.stderr);
    assert_eq!(said.len(), 3, "{}", ran.stderr);
    ran.clone().fine();
    assert_ne!(stage.fake.snapshot(), clean);
    for command in said {
        run(&stage, command);
    }
    stage.is_clean(&clean, "by hand").await;
}
