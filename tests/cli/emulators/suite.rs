//! What the plugin does, and what is there after it.

use serde_json::{Value, json};
use testbed::{AWAY_ACCOUNT, HOME_ACCOUNT};

use super::stage::{Stage, What, cluster_arn, hub_role, platform, policy};
use crate::run::Ran;

const ROLE: &str = "argocd-spoke-us-west-2-far";

pub async fn all(stage: &Stage) {
    assert_eq!(discovered(stage), ["missing dev", "missing hub", "missing far"]);
    let way = Way::find(stage).await;
    same_account(stage, &way).await;
    role_in_another_account(stage).await;
    if way.server.is_some() {
        stage.defaults("capability").await;
    }
    a_cluster_that_goes(stage, &way).await;
}

/// What `discover` says of two accounts.
fn discovered(stage: &Stage) -> Vec<String> {
    let line = format!(
        "discover --region us-west-2 --accounts {HOME_ACCOUNT},{AWAY_ACCOUNT} --assume-role {} -o json",
        platform("{account}")
    );
    let list: Value = serde_json::from_str(&stage.line(&line).fine()).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let mut found: Vec<(bool, String)> = items
        .map(|one| {
            let line = format!("{} {}", text(one, "state"), text(one, "awsClusterName"));
            (line.ends_with(" far"), line)
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, one)| one).collect()
}

/// How `dev` is registered there.
struct Way {
    register: String,
    /// What `server` is then, where it is not the endpoint.
    server: Option<String>,
}

impl Way {
    async fn find(stage: &Stage) -> Self {
        let asked = stage
            .home
            .attempt(&["eks", "list-capabilities", "--cluster-name", "hub"]);
        let flags = if stage.is_right(What::Capabilities, asked.unwrap().is_ok()) {
            "--hub-aws-cluster-name hub"
        } else {
            stage.defaults("pod-identity").await;
            ""
        };
        let words = ["eks", "describe-cluster", "--name", "dev"];
        let cluster = stage.home.ask(&words).unwrap();
        let authority = &cluster["cluster"]["certificateAuthority"]["data"];
        let register = format!("register dev --access-policy cluster-admin {flags}");
        if stage.is_right(
            What::Certificate,
            authority.as_str().is_some_and(|data| !data.is_empty()),
        ) {
            return Self {
                register,
                server: None,
            };
        }
        let before = Stage::entries(&stage.home, "dev");
        stage
            .line(&register)
            .fails(1, &["\"dev\" without certificateAuthority.data"]);
        assert_eq!(Stage::entries(&stage.home, "dev"), before, "nothing was made");
        stage.defaults("capability").await;
        Self {
            register,
            server: Some(cluster_arn(HOME_ACCOUNT, "dev")),
        }
    }
}

async fn same_account(stage: &Stage, Way { register, server }: &Way) {
    let before = Stage::entries(&stage.home, "dev");
    let dry = stage.line(&format!("{register} --dry-run")).fine();
    assert!(dry.contains("(eks:CreateAccessEntry, account "), "{dry}");
    assert_eq!(Stage::entries(&stage.home, "dev"), before, "a dry run");

    assert_eq!(stage.line(register).fine(), "cluster/dev created\n");
    let (entry, policies) = Stage::entry(&stage.home, "dev", &hub_role());
    assert_eq!(
        (&entry["type"], &entry["tags"]),
        (&json!("STANDARD"), &marks(HOME_ACCOUNT, "dev"))
    );
    assert_eq!(
        scopes(&policies),
        ["AmazonEKSClusterAdminPolicy {\"namespaces\":[],\"type\":\"cluster\"}"]
    );
    let (secret, note) = stage.secrets("dev").await;
    let data = &secret.unwrap()["data"];
    if let Some(server) = server {
        assert_eq!(
            (&decoded(&data["server"]), data["config"].is_null()),
            (server, true)
        );
    } else {
        let config: Value = serde_json::from_str(&decoded(&data["config"])).unwrap();
        assert_eq!(config["awsAuthConfig"], json!({"clusterName": "dev"}));
    }
    assert!(!note, "the run is over");

    assert_eq!(stage.line(register).fine(), "cluster/dev unchanged\n");
    assert_eq!(Stage::entry(&stage.home, "dev", &hub_role()), (entry, policies));
    assert_eq!(
        discovered(stage),
        ["missing hub", "registered dev", "missing far"]
    );
    stage.line("check dev").fine();

    assert_eq!(stage.line("unregister dev").fine(), "cluster/dev deleted\n");
    assert_eq!(Stage::entries(&stage.home, "dev"), before);
    assert_eq!(stage.secrets("dev").await, (None, false));
}

/// Without the Secret, which needs more of a cluster than every stand-in has.
pub async fn role_in_another_account(stage: &Stage) {
    stage.defaults("pod-identity").await;
    let there = platform(AWAY_ACCOUNT);
    let register = format!(
        "register far --access-only --create-role --role-path /argocd/ --access-policy edit --access-namespaces a,b --assume-role \
         {there}"
    );
    let before = Stage::entries(&stage.away, "far");
    assert_eq!(stage.line(&register).fine(), "cluster/far access granted\n");
    let arn = format!("arn:aws:iam::{AWAY_ACCOUNT}:role/argocd/{ROLE}");
    let get = ["iam", "get-role", "--role-name", ROLE];
    let role = stage.away.ask(&get).unwrap()["Role"].clone();
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    let both = json!(["sts:AssumeRole", "sts:TagSession"]);
    assert_eq!(
        (&role["Arn"], &trust["Principal"], &trust["Action"]),
        (&json!(arn), &json!({"AWS": hub_role()}), &both)
    );
    let tags: serde_json::Map<String, Value> = role["Tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].clone()))
        .collect();
    assert_eq!(Value::from(tags), marks(AWAY_ACCOUNT, "far"));
    let (entry, policies) = Stage::entry(&stage.away, "far", &arn);
    assert_eq!(entry["tags"], marks(AWAY_ACCOUNT, "far"));
    assert_eq!(
        scopes(&policies),
        ["AmazonEKSEditPolicy {\"namespaces\":[\"a\",\"b\"],\"type\":\"namespace\"}"]
    );
    right_of_hub(stage, &arn, &both);
    assert_eq!(stage.line(&register).fine(), "cluster/far access unchanged\n");
    foreign_policy(stage, &there);

    let unregister = format!("unregister far --access-only --assume-role {there}");
    assert_eq!(stage.line(&unregister).fine(), "cluster/far access removed\n");
    assert_eq!(
        stage.away.attempt(&get).unwrap().unwrap_err().code,
        "NoSuchEntity"
    );
    assert_eq!(Stage::entries(&stage.away, "far"), before);
    assert_eq!(stage.rights_of_hub(), [""; 0]);
    assert_eq!(stage.line(&unregister).fine(), "cluster/far access unchanged\n");
}

/// The hub's role may assume exactly that one.
fn right_of_hub(stage: &Stage, arn: &str, actions: &Value) {
    let names = stage.rights_of_hub();
    assert_eq!(names, [format!("kubectl-bridge-{AWAY_ACCOUNT}-{ROLE}")]);
    let words = [
        "iam",
        "get-role-policy",
        "--role-name",
        "argocd-hub",
        "--policy-name",
        &names[0],
    ];
    let statement = stage.home.ask(&words).unwrap()["PolicyDocument"]["Statement"][0].clone();
    assert_eq!(
        (&statement["Resource"], &statement["Action"], &statement["Effect"]),
        (&json!(arn), actions, &json!("Allow"))
    );
    let simulated = |resource: &str| {
        let words = [
            "iam",
            "simulate-principal-policy",
            "--policy-source-arn",
            &hub_role(),
            "--action-names",
            "sts:AssumeRole",
            "sts:TagSession",
            "--resource-arns",
            resource,
        ];
        let answer = stage.home.attempt(&words).unwrap().ok()?;
        let results = answer["EvaluationResults"].as_array().unwrap().clone();
        Some(
            results
                .iter()
                .map(|result| result["EvalDecision"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let of_it = simulated(arn);
    if stage.is_right(What::Simulation, of_it.is_some()) {
        assert_eq!(of_it.unwrap(), ["allowed", "allowed"]);
        assert_eq!(
            simulated(&format!("{arn}-2")).unwrap(),
            ["implicitDeny", "implicitDeny"]
        );
    }
}

/// A role that somebody has given more to is theirs as well.
fn foreign_policy(stage: &Stage, there: &str) {
    let of_role = ["--role-name", ROLE, "--policy-name", "theirs"];
    let document = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}));
    let put = [
        &["iam", "put-role-policy"],
        &of_role[..],
        &["--policy-document", &document],
    ]
    .concat();
    stage.away.ask(&put).unwrap();
    let dry = stage.line(&format!(
        "unregister far --access-only --assume-role {there} --dry-run"
    ));
    let Ran { stderr, .. } = &dry;
    assert!(stderr.contains(ROLE) && stderr.contains("theirs"), "{stderr}");
    let steps = dry.fine();
    assert!(
        steps.contains("AWS: delete the access entry") && !steps.contains("delete IAM role"),
        "{steps}"
    );
    stage
        .away
        .ask(&[&["iam", "delete-role-policy"], &of_role[..]].concat())
        .unwrap();
}

async fn a_cluster_that_goes(stage: &Stage, way: &Way) {
    stage.line(&way.register).fine();
    stage
        .home
        .ask(&["eks", "delete-cluster", "--name", "dev"])
        .unwrap();
    assert_eq!(discovered(stage), ["gone dev", "missing hub", "missing far"]);
    let ran = stage.line("unregister dev --drain --yes");
    let gone = ran.stderr.contains("EKS does not know the cluster any more");
    assert_eq!(ran.fine(), "cluster/dev deleted\n");
    stage.is_right(What::GoneCluster, gone);
    assert_eq!(stage.secrets("dev").await, (None, false));
}

fn marks(account: &str, cluster: &str) -> Value {
    json!({
        "kubectl-bridge/hub": cluster_arn(HOME_ACCOUNT, "hub"),
        "kubectl-bridge/spoke": cluster_arn(account, cluster),
    })
}

/// Each policy of an access entry with its scope.
fn scopes(policies: &Value) -> Vec<String> {
    let policies = policies.as_array().unwrap().iter();
    policies
        .map(|policy| {
            let arn = policy["policyArn"].as_str().unwrap();
            format!("{} {}", arn.rsplit('/').next().unwrap(), policy["accessScope"])
        })
        .collect()
}

fn decoded(data: &Value) -> String {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(data.as_str().unwrap());
    String::from_utf8(bytes.unwrap()).unwrap()
}
