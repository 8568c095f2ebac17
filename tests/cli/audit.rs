//! What each command asks of the hub's API server, by its audit log, against the README's table: what is asked is in the table,
//! what is in the table is asked, and with exactly these rights each command works.

mod rows;
mod table;

use std::collections::BTreeSet;

use testbed::{AuditEvent, EksCluster, EksPodIdentity, FakeEks, Hub, IamRole};

use crate::{
    fleet::application_set,
    register::with_aws,
    run::{Bridge, Ran},
};
pub use table::Right;

/// Asked by everybody, and allowed to everybody who is authenticated (`system:basic-user`, `system:public-info-viewer`).
const FREE: [&str; 2] = ["selfsubjectreviews.authentication.k8s.io", "/version"];

/// Asked only where no cluster is registered, and done without where it is denied: the text above the table says so.
const WHERE_EMPTY: &str = "namespaces";

/// A hub with an API server of its own, for what others do on a shared one would be seen too; used for one row after the
/// other.
struct World {
    hub: Hub,
    admin: Bridge,
    fake: FakeEks,
    /// As whom the commands run: another one each time.
    account: String,
    bridge: Bridge,
}

impl World {
    async fn new() -> Self {
        let hub = Hub::start().await.unwrap();
        hub.create(&application_set("keda", true)).await.unwrap();
        let role = "arn:aws:iam::111122223333:role/argocd-hub";
        let account = format!(
            "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: argocd-server, annotations: \
             {{eks.amazonaws.com/role-arn: '{role}'}}}}}}"
        );
        hub.create(&account).await.unwrap();
        let admin = Bridge::live(hub.kubeconfig(), hub.namespace());
        Self {
            fake: aws().await,
            account: String::new(),
            bridge: Bridge::bare(),
            admin,
            hub,
        }
    }

    /// Starts anew, with another account that has these rights; without any given, with all.
    async fn again(&mut self, account: String, rights: Option<&BTreeSet<Right>>) {
        let delete = async |words: &[&str]| {
            let all = [&["delete", "--ignore-not-found"], words].concat();
            self.hub.kubectl(&all).await.unwrap().success().unwrap();
        };
        delete(&["secrets", "-l", "argocd.argoproj.io/secret-type=cluster"]).await;
        delete(&["configmap", "kubectl-bridge-defaults"]).await;
        self.fake = aws().await;
        self.bridge = bridge(&self.hub, &account, rights).await;
        self.account = account;
    }

    /// As the account.
    fn run(&self, line: &str) -> Ran {
        with_aws(&self.bridge, &self.fake, line)
    }

    fn ok(&self, line: &str) {
        self.run(line).fine();
    }

    /// As an administrator, for what has to be there first.
    fn prepare(&self, line: &str) {
        with_aws(&self.admin, &self.fake, line).fine();
    }
}

/// EKS clusters `hub` and `dev`, and the role of the hub, by IRSA or by pod identity.
async fn aws() -> FakeEks {
    let fake = FakeEks::start().await.unwrap();
    let hub = EksCluster::named("hub");
    fake.add_cluster(hub.clone());
    fake.add_cluster(EksCluster::named("dev"));
    let role = fake.add_role(IamRole::named("argocd-hub").trusting_service("pods.eks.amazonaws.com"));
    let association = EksPodIdentity::of("argocd", "argocd-application-controller", &role);
    fake.add_pod_identity(&hub.arn(), association).unwrap();
    fake
}

/// The plugin as a service account with these rights.
pub async fn bridge(hub: &Hub, account: &str, rights: Option<&BTreeSet<Right>>) -> Bridge {
    let kubeconfig = hub.kubeconfig_for(account).await.unwrap();
    let namespace = hub.namespace();
    let manifest = match rights {
        Some(rights) => table::grant(rights, namespace, account),
        None => format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {account}}}\nroleRef: \
             {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}\nsubjects: [{{kind: \
             ServiceAccount, name: {account}, namespace: {namespace}}}]\n"
        ),
    };
    hub.apply(&manifest).await.unwrap();
    let bridge = Bridge::live(&kubeconfig, namespace);
    std::fs::write(bridge.home().join("token"), "a-token").unwrap();
    bridge
}

/// What an account asked for that is not free to all.
pub fn asked(hub: &Hub, account: &str) -> BTreeSet<Right> {
    let right = |event: AuditEvent| Right {
        everywhere: event.namespace.as_deref() != Some(hub.namespace()),
        resource: event.resource,
        verb: event.verb,
    };
    let events = hub.audit(account).unwrap();
    events
        .into_iter()
        .filter(|event| !FREE.contains(&event.resource.as_str()) && event.resource != WHERE_EMPTY)
        .map(right)
        .collect()
}

/// Whether what was asked is what the row says.
#[track_caller]
pub fn same(row: &str, says: &BTreeSet<Right>, asked: &BTreeSet<Right>) {
    let words = |rights: Vec<&Right>| -> Vec<String> { rights.iter().map(ToString::to_string).collect() };
    let missing = words(asked.difference(says).collect());
    let too_many = words(says.difference(asked).collect());
    assert!(
        missing.is_empty() && too_many.is_empty(),
        "{row}: asked, and not in the README: {missing:?}; in the README, and not asked: {too_many:?}"
    );
}

/// What a row says.
#[track_caller]
pub fn row(name: &str) -> BTreeSet<Right> {
    let mut rows = table::rows();
    assert!(rows.contains_key(name), "the README has no row {name}");
    rows.remove(name).unwrap()
}

/// Runs it with all rights and compares; then again with exactly those of the row.
async fn check(world: &mut World, name: &str, run: impl AsyncFn(&World)) {
    check_all(world, &[name], run).await;
}

/// [`check`] of rows together.
async fn check_all(world: &mut World, names: &[&str], run: impl AsyncFn(&World)) {
    let says: BTreeSet<Right> = names.iter().flat_map(|name| row(name)).collect();
    let name = names.join(" + ");
    let words: String = name.chars().filter(char::is_ascii_lowercase).take(200).collect();
    for (with, rights) in [("all", None), ("row", Some(&says))] {
        world.again(format!("{words}-{with}"), rights).await;
        run(world).await;
        same(&name, &says, &asked(&world.hub, &world.account));
    }
}

#[test]
fn every_row_has_a_test() {
    let source = include_str!("audit/rows.rs");
    for row in table::rows().keys() {
        assert!(source.contains(&format!("\"{row}\"")), "no test of the row {row}");
    }
}
