//! What each command needs in AWS, as the stand-in for AWS sees it, against the README's table: what is needed is in the table,
//! what is in the table is needed, and with exactly that each command works.

mod denied;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use testbed::{EksAccessEntry, EksPodIdentity, IamRole};

use crate::access::{AWAY, HOME, Identity, PLATFORM, Stage};
use table::Row;

const ROLE: &str = "arn:aws:iam::444455556666:role/argocd-spoke-us-west-2-dev";

/// Commands of one row, on one stage.
struct Play {
    identity: Identity,
    /// Account of the spoke.
    account: &'static str,
    /// What has to be there, made by somebody who may do everything.
    before: fn(&Stage),
    run: fn(&Stage),
}

fn nothing(_: &Stage) {}

fn ok(stage: &Stage, line: &str) {
    stage.line(line).fine();
}

fn register(stage: &Stage, more: &str) {
    ok(stage, &stage.register(more));
}

fn with_its_role(stage: &Stage) {
    register(stage, "--create-role --access-policy view");
}

/// Twice: what is there is looked at otherwise than what is not.
fn direct(stage: &Stage) {
    register(stage, "--access-policy view");
    register(stage, "");
}

/// Different in every way that it can be, one after the other.
fn differing(stage: &Stage) {
    with_its_role(stage);
    let fake = &stage.fake;
    register(stage, "--access-policy edit --access-groups ops");
    // Made anew: the entry lets nobody in any more.
    fake.recreate_role(ROLE).unwrap();
    register(stage, "");
    let distrusts = IamRole::named("x").trusting_service("ec2.amazonaws.com").trust;
    fake.add_role(IamRole {
        trust: distrusts,
        ..fake.role(ROLE).unwrap()
    });
    register(stage, "");
    // By hand, with nobody's marks.
    fake.add_role(IamRole {
        tags: BTreeMap::new(),
        ..fake.role(ROLE).unwrap()
    });
    let entry = EksAccessEntry {
        tags: BTreeMap::new(),
        ..stage.entry(ROLE).unwrap()
    };
    fake.add_access_entry(&stage.spoke.arn(), entry).unwrap();
    register(stage, "--adopt");
    // Another way in: what the first one needed is taken back.
    register(stage, "--access direct --access-policy view");
    assert_eq!(fake.role(ROLE), None);
}

/// A role that somebody else looks after, and the right to assume it.
fn role_of_others(stage: &Stage) {
    let both = ["sts:AssumeRole", "sts:TagSession"];
    let role = IamRole::named("argocd")
        .in_account(AWAY)
        .trusting_principal(&stage.role, &both);
    let role = stage.fake.add_role(role);
    let hub = stage.fake.role(&stage.role).unwrap();
    stage.fake.add_role(hub.allowing("spokes", &both, &role));
}

macro_rules! rows {
    ($($name:ident: $row:literal => [$($identity:ident $account:ident $before:expr, $run:expr;)+])*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            compare($row, &[$(Play {
                identity: Identity::$identity,
                account: $account,
                before: $before,
                run: $run,
            }),+]).await;
        })*

        #[test]
        fn every_row_is_compared() {
            let rows = table::rows();
            let said: BTreeSet<&str> = rows.keys().map(String::as_str).collect();
            assert_eq!(said, [$($row),*].into());
        }
    };
}

rows! {
    init: "init" => [
        Pods HOME nothing, |stage| ok(stage, "init --hub-aws-cluster-name hub");
        Capability HOME nothing, |stage| ok(stage, "init --hub-aws-cluster-name hub");
    ]
    init_with_pod_identity: "init --pod-identity-role" => [
        Nothing HOME nothing, |stage| {
            let line = format!("init --hub-aws-cluster-name hub --pod-identity-role {}", stage.role);
            ok(stage, &line);
        };
        Pods HOME nothing, |stage| {
            let line = format!("init --hub-aws-cluster-name hub --pod-identity-role {}", stage.role);
            ok(stage, &line);
        };
    ]
    secret_only: "register --skip-access" => [
        Pods AWAY nothing, |stage| register(stage, "--skip-access");
    ]
    access: "register" => [
        Pods AWAY nothing, direct;
        Capability AWAY nothing, direct;
        Pods HOME nothing, direct;
    ]
    role_to_make: "register --create-role" => [
        Pods AWAY nothing, |stage| {
            with_its_role(stage);
            register(stage, "");
        };
        Capability AWAY nothing, direct;
    ]
    role_of_somebody: "register --aws-role-arn" => [
        Pods AWAY role_of_others, |stage| {
            register(stage, &format!("--aws-role-arn arn:aws:iam::{AWAY}:role/argocd --access-policy view"));
            register(stage, "");
        };
        Capability AWAY nothing, direct;
    ]
    again: "register again, where something differs" => [
        Pods AWAY nothing, differing;
        Capability AWAY nothing, direct;
    ]
    unregister: "unregister" => [
        Pods AWAY with_its_role, |stage| ok(stage, &stage.unregister());
        Pods HOME direct, |stage| ok(stage, &stage.unregister());
    ]
    unregister_access_only: "unregister --access-only" => [
        Pods AWAY |stage| register(stage, "--create-role --access-policy view --access-only"), |stage| {
            ok(stage, &format!("unregister dev --access-only --hub-aws-cluster-name hub --assume-role {PLATFORM}"));
        };
        Capability AWAY |stage| register(stage, "--access-policy view --access-only"), |stage| {
            ok(stage, &format!("unregister dev --access-only --hub-aws-cluster-name hub --assume-role {PLATFORM}"));
        };
    ]
    check: "check" => [
        Pods AWAY with_its_role, check_dev;
        Pods AWAY |stage| {
            direct(stage);
            stage.fake.remove_access_entry(&stage.spoke.arn(), &stage.role);
        }, |stage| drop(stage.line(&checking()));
        Capability AWAY direct, check_dev;
    ]
    update: "update" => [
        Pods AWAY direct, |stage| ok(stage, &format!("update dev --assume-role {PLATFORM}"));
    ]
    discover: "discover" => [
        Pods AWAY nothing, |stage| ok(stage, &format!("discover --accounts {AWAY} --assume-role {PLATFORM}"));
    ]
    discovered: "register --discovered" => [
        Pods AWAY nothing, all_missing;
        Capability AWAY nothing, all_missing;
        Pods HOME |stage| {
            direct(stage);
            ok(stage, "unregister dev --skip-access");
        }, |stage| {
            ok(stage, "register --discovered --hub-aws-cluster-name hub --access-policy view --yes");
        };
    ]
}

fn checking() -> String {
    format!("check dev --hub-aws-cluster-name hub --assume-role {PLATFORM}")
}

fn check_dev(stage: &Stage) {
    ok(stage, &checking());
}

fn all_missing(stage: &Stage) {
    let line = format!(
        "register --discovered --accounts {AWAY} --assume-role {PLATFORM} --hub-aws-cluster-name hub --access-policy view --yes"
    );
    ok(stage, &line);
}

/// What was needed, by account: where the spoke is in the hub's, one cannot be told from the other.
fn needed(stage: &Stage, account: &str) -> BTreeSet<String> {
    let calls = stage.fake.calls().into_iter();
    calls
        .filter(|call| call.account == account && call.service != "sts")
        .flat_map(|call| call.actions)
        .collect()
}

async fn stage(play: &Play) -> Stage {
    let stage = Stage::set(play.identity, play.account).await;
    let karpenter = EksPodIdentity::of(
        "karpenter",
        "karpenter",
        &format!("arn:aws:iam::{}:role/karpenter", play.account),
    );
    stage
        .fake
        .add_pod_identity(&stage.spoke.arn(), karpenter)
        .unwrap();
    (play.before)(&stage);
    stage.fake.clear_calls();
    stage
}

async fn compare(name: &str, plays: &[Play]) {
    let mut rows = table::rows();
    let row = rows
        .remove(name)
        .unwrap_or_else(|| unreachable!("the README has no row {name}"));
    let both: BTreeSet<String> = row.spoke.union(&row.hub).cloned().collect();
    let mut seen = Row::default();
    let mut unsaid = Row::default();
    for play in plays {
        let stage = stage(play).await;
        (play.run)(&stage);
        let at_hub = needed(&stage, HOME);
        if play.account == HOME {
            unsaid.hub.extend(at_hub.difference(&both).cloned());
            seen.spoke.extend(at_hub.iter().cloned());
        } else {
            let at_spoke = needed(&stage, AWAY);
            unsaid.hub.extend(at_hub.difference(&row.hub).cloned());
            unsaid.spoke.extend(at_spoke.difference(&row.spoke).cloned());
            seen.spoke.extend(at_spoke);
        }
        seen.hub.extend(at_hub);
    }
    let unseen = Row {
        spoke: row.spoke.difference(&seen.spoke).cloned().collect(),
        hub: row.hub.difference(&seen.hub).cloned().collect(),
    };
    assert!(
        unsaid == Row::default() && unseen == Row::default(),
        "{name}: needed, and not in the README: {unsaid:?}; in the README, and not needed: {unseen:?}"
    );
    for play in plays {
        let stage = stage(play).await;
        let free = "sts:AssumeRole".to_owned();
        let allow = |account: &str, actions: &BTreeSet<String>| {
            let actions: Vec<&str> = actions.iter().chain([&free]).map(String::as_str).collect();
            stage.fake.allow_only(account, &actions);
        };
        if play.account == HOME {
            allow(HOME, &both);
        } else {
            allow(HOME, &row.hub);
            allow(AWAY, &row.spoke);
        }
        (play.run)(&stage);
        let refused: Vec<_> = stage
            .fake
            .calls()
            .into_iter()
            .filter(|call| {
                call.error
                    .as_ref()
                    .is_some_and(|error| error.starts_with("AccessDenied"))
            })
            .collect();
        assert!(refused.is_empty(), "{name}: {refused:?}");
    }
}
