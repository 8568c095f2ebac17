//! Plans from what is there.

use serde_json::json;

use super::*;
use crate::facts::EksArn;

const HUB: &str = "arn:aws:eks:us-west-2:111122223333:cluster/hub";
const HUB_ROLE: &str = "arn:aws:iam::111122223333:role/argocd-hub";
const SPOKE: &str = "arn:aws:eks:us-west-2:444455556666:cluster/dev";
const ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";

fn wanted() -> Wanted {
    Wanted {
        hub: HubIdentity {
            arn: HUB.into(),
            role: HUB_ROLE.into(),
            kind: IdentityKind::PodIdentity,
        },
        spoke: EksArn::parse(SPOKE).unwrap(),
        authentication_mode: Some("API".into()),
        role: None,
        policy: Some((ADMIN.into(), Scope::Cluster)),
        groups: None,
        adopt: false,
    }
}

fn with_role(create: bool) -> Wanted {
    Wanted {
        role: Some(RoleWanted {
            arn: "arn:aws:iam::444455556666:role/argocd/dev".into(),
            create,
            boundary: None,
        }),
        ..wanted()
    }
}

fn nothing() -> Observed {
    Observed {
        entry: None,
        policies: vec![],
        role: Seen::Is(None),
        hub_role_created: None,
        hub_policy: None,
        hub_inline: None,
        hub_may_assume: None,
        other_hubs: Seen::Is(vec![]),
    }
}

fn entry(principal: &str, tags: Tags) -> AccessEntry {
    AccessEntry {
        principal: principal.into(),
        kind: "STANDARD".into(),
        created_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        tags,
        ..AccessEntry::default()
    }
}

fn ours() -> Tags {
    marks(HUB, SPOKE)
}

fn policy(arn: &str) -> AssociatedPolicy {
    AssociatedPolicy {
        policy_arn: arn.into(),
        scope: Scope::Cluster,
    }
}

fn role(tags: Tags) -> Role {
    Role {
        arn: "arn:aws:iam::444455556666:role/argocd/dev".into(),
        name: "dev".into(),
        path: "/argocd/".into(),
        id: "AROA1".into(),
        created_at: Some("2025-12-31T00:00:00Z".parse().unwrap()),
        trust: trust_policy(HUB_ROLE, IdentityKind::PodIdentity),
        tags,
        boundary: None,
    }
}

/// IAM actions of the steps, without their services.
fn actions(plan: &AccessPlan) -> Vec<&'static str> {
    plan.steps
        .iter()
        .map(|step| step.action().split(':').nth(1).unwrap())
        .collect()
}

#[test]
fn direct_from_nothing_and_again() {
    let plan = wanted().plan(&nothing()).unwrap();
    assert_eq!(
        actions(&plan),
        [
            "CreateAccessEntry",
            "AssociateAccessPolicy",
            "DescribeAccessEntry"
        ]
    );
    assert!(plan.steps.iter().all(|step| step.account == "444455556666"));
    assert!(plan.grants.entry && plan.grants.principal == HUB_ROLE);
    let there = Observed {
        entry: Some(entry(HUB_ROLE, ours())),
        policies: vec![policy(ADMIN)],
        ..nothing()
    };
    let again = wanted().plan(&there).unwrap();
    assert_eq!((actions(&again), again.grants), (vec![], plan.grants));
    // Ended half-way.
    let half = Observed {
        policies: vec![],
        ..there
    };
    assert_eq!(
        actions(&wanted().plan(&half).unwrap()),
        ["AssociateAccessPolicy", "DescribeAccessEntry"]
    );
}

#[test]
fn role_in_another_account_in_order() {
    let wanted = with_role(true);
    let plan = wanted.plan(&nothing()).unwrap();
    assert_eq!(
        actions(&plan),
        [
            "PutRolePolicy",
            "CreateRole",
            "CreateAccessEntry",
            "AssociateAccessPolicy",
            "DescribeAccessEntry"
        ]
    );
    let Do::CreateRole(new) = &plan.steps[1].does else {
        unreachable!("the role comes after the right to assume it")
    };
    assert_eq!((new.name.as_str(), new.path.as_str()), ("dev", "/argocd/"));
    assert_eq!(
        (plan.steps[0].account.as_str(), plan.steps[0].side),
        ("111122223333", Side::Hub)
    );
    assert_eq!(plan.grants, wanted.grants());
    // The hub's role may do it anyway: nothing is added to it.
    let free = Observed {
        hub_may_assume: Some(true),
        ..nothing()
    };
    let plan = wanted.plan(&free).unwrap();
    assert!(!actions(&plan).contains(&"PutRolePolicy"));
    assert_eq!(plan.grants.hub_policy, None);
}

#[test]
fn no_room_for_another_right() {
    let wanted = with_role(true);
    let with = |used| {
        wanted.plan(&Observed {
            hub_inline: Some(used),
            ..nothing()
        })
    };
    let policy = assume_policy(&wanted.role.as_ref().unwrap().arn, IdentityKind::PodIdentity);
    let room = INLINE_POLICIES - policy_size(&policy);
    assert!(with(room).is_ok());
    let error = with(room + 1).unwrap_err().to_string();
    for part in [
        "role/argocd-hub has no room for the right to assume arn:aws:iam::444455556666:role/argocd/dev",
        "of the 10240 characters",
        "nothing was changed",
        "below /argocd/ once, by a managed policy",
        "aws iam attach-role-policy --role-name argocd-hub",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // One of another shape is written anew, and nobody has to make room where nothing is written.
    let may = Observed {
        hub_inline: Some(INLINE_POLICIES),
        hub_may_assume: Some(true),
        ..nothing()
    };
    assert!(wanted.plan(&may).is_ok());
}

#[test]
fn room_for_some_of_many_rights() {
    let plan = |at: usize, used| {
        let mut wanted = with_role(true);
        wanted.role.as_mut().unwrap().arn =
            format!("arn:aws:iam::{:012}:role/argocd/dev-{at:03}", 4 + at % 2);
        let observed = Observed {
            hub_inline: Some(used),
            ..nothing()
        };
        wanted.plan(&observed).unwrap()
    };
    let plans = |count, used| (0..count).map(|at| plan(at, used)).collect::<Vec<_>>();
    assert_eq!(no_room_for_all(&plans(10, 0)), None);
    let why = no_room_for_all(&plans(100, 1_000)).unwrap();
    let size = policy_size(&assume_policy(
        "arn:aws:iam::000000000004:role/argocd/dev-000",
        IdentityKind::PodIdentity,
    ));
    let room = (INLINE_POLICIES - 1_000) / size;
    for part in [
        format!("has room for {room} of the 100 rights"),
        "aws iam attach-role-policy".to_owned(),
        "The same for 00000000000".to_owned(),
    ] {
        assert!(why.contains(&part), "{part}: {why}");
    }
}

#[test]
fn by_whole_seconds() {
    let at = |text: &str| text.parse().unwrap();
    let entry = at("2026-01-01T00:00:00Z");
    assert!(!made_after(at("2026-01-01T00:00:00.9Z"), entry));
    assert!(made_after(at("2026-01-01T00:00:01Z"), entry));
}

#[test]
fn a_role_that_is_there() {
    let seen = |tags: Tags| Observed {
        role: Seen::Is(Some(role(tags))),
        hub_may_assume: Some(true),
        ..nothing()
    };
    let create = with_role(true);
    assert!(matches!(
        create.plan(&seen(Tags::new())),
        Err(AccessError::RoleExists(_))
    ));
    assert!(matches!(
        create.plan(&seen(marks(HUB, "arn:other"))),
        Err(AccessError::RoleOfOtherSpoke { .. })
    ));
    assert!(matches!(
        create.plan(&seen(marks("arn:other", SPOKE))),
        Err(AccessError::OtherHub { .. })
    ));
    let adopt = Wanted {
        adopt: true,
        ..create.clone()
    };
    let plan = adopt.plan(&seen(Tags::new())).unwrap();
    assert_eq!(actions(&plan)[0], "TagRole");
    assert!(plan.grants.role.is_some());
    // One that is named is used and checked, and stays somebody else's.
    let given = with_role(false);
    let plan = given.plan(&seen(Tags::new())).unwrap();
    assert_eq!(actions(&plan)[0], "CreateAccessEntry");
    assert_eq!(plan.grants.role, None);
    let mut irsa = role(Tags::new());
    irsa.trust = trust_policy(HUB_ROLE, IdentityKind::Irsa);
    let distrusts = Observed {
        role: Seen::Is(Some(irsa.clone())),
        ..seen(Tags::new())
    };
    let error = given.plan(&distrusts).unwrap_err().to_string();
    assert!(
        error.contains("sts:TagSession") && error.contains("Statement"),
        "{error}"
    );
    irsa.tags = ours();
    let mended = Observed {
        role: Seen::Is(Some(irsa)),
        ..seen(Tags::new())
    };
    assert_eq!(
        actions(&create.plan(&mended).unwrap())[0],
        "UpdateAssumeRolePolicy"
    );
    assert!(matches!(given.plan(&nothing()), Err(AccessError::RoleMissing(_))));
    let refused = Observed {
        hub_may_assume: Some(false),
        ..seen(Tags::new())
    };
    assert!(matches!(given.plan(&refused), Err(AccessError::NoRight { .. })));
}

#[test]
fn entries_of_others() {
    let there = |policies: &[&str]| Observed {
        entry: Some(entry(HUB_ROLE, Tags::new())),
        policies: policies.iter().map(|arn| policy(arn)).collect(),
        ..nothing()
    };
    let equal = wanted().plan(&there(&[ADMIN])).unwrap();
    assert!(equal.steps.is_empty() && !equal.grants.entry && equal.notes[0].contains("used as it is"));
    let error = wanted().plan(&there(&[VIEW])).unwrap_err().to_string();
    assert!(
        error.contains("it has no AmazonEKSClusterAdminPolicy")
            && error.contains("it also has AmazonEKSViewPolicy for the whole cluster"),
        "{error}"
    );
    let adopt = Wanted {
        adopt: true,
        ..wanted()
    };
    let plan = adopt.plan(&there(&[VIEW])).unwrap();
    assert_eq!(
        actions(&plan),
        [
            "TagResource",
            "AssociateAccessPolicy",
            "DisassociateAccessPolicy",
            "DescribeAccessEntry"
        ]
    );
    assert!(plan.grants.entry);
    // Not said how much: as it is.
    let unsaid = Wanted {
        policy: None,
        ..wanted()
    };
    assert!(unsaid.plan(&there(&[VIEW])).unwrap().steps.is_empty());
    assert!(matches!(
        unsaid.plan(&there(&[])),
        Err(AccessError::NoPolicy { .. })
    ));
    let mut marked = there(&[ADMIN]);
    marked.entry = Some(entry(HUB_ROLE, marks("arn:other", SPOKE)));
    assert!(matches!(
        wanted().plan(&marked),
        Err(AccessError::OtherHub { .. })
    ));
    let mut node = there(&[]);
    node.entry.as_mut().unwrap().kind = "EC2_LINUX".into();
    assert!(matches!(wanted().plan(&node), Err(AccessError::EntryKind { .. })));
}

#[test]
fn an_entry_older_than_its_role_is_made_anew() {
    let mut observed = Observed {
        entry: Some(entry(HUB_ROLE, ours())),
        policies: vec![policy(VIEW)],
        hub_role_created: Some("2026-02-01T00:00:00Z".parse().unwrap()),
        ..nothing()
    };
    let unsaid = Wanted {
        policy: None,
        ..wanted()
    };
    let plan = unsaid.plan(&observed).unwrap();
    assert_eq!(
        actions(&plan),
        [
            "DeleteAccessEntry",
            "CreateAccessEntry",
            "AssociateAccessPolicy",
            "DescribeAccessEntry"
        ]
    );
    observed.entry = Some(entry(HUB_ROLE, Tags::new()));
    assert!(matches!(
        unsaid.plan(&observed),
        Err(AccessError::StaleEntry { .. })
    ));
}

#[test]
fn what_is_refused_before_any_call() {
    let mode = Wanted {
        authentication_mode: Some("CONFIG_MAP".into()),
        ..wanted()
    };
    let error = mode.plan(&nothing()).unwrap_err().to_string();
    assert!(
        error.contains("API_AND_CONFIG_MAP") && error.contains("--skip-access"),
        "{error}"
    );
    let masters = Wanted {
        groups: Some(vec!["system:masters".into()]),
        ..wanted()
    };
    assert!(matches!(
        masters.plan(&nothing()),
        Err(AccessError::SystemGroup(_))
    ));
    let elsewhere = Observed {
        other_hubs: Seen::Is(vec![("arn:p".into(), "arn:other".into())]),
        ..nothing()
    };
    assert!(matches!(
        wanted().plan(&elsewhere),
        Err(AccessError::OtherHub { .. })
    ));
}

#[test]
fn only_what_is_marked_is_taken_back() {
    let grants = with_role(true).grants();
    let remains = |tags: &Tags| Remains {
        cluster_exists: true,
        entry: Some(entry(&grants.principal, tags.clone())),
        role: Some(role(tags.clone())),
        role_policies: vec![],
        hub_policy: Some(json!({})),
    };
    let undo = grants.undo(&remains(&ours()));
    let does: Vec<&str> = undo.steps.iter().map(Step::action).collect();
    assert_eq!(
        does,
        ["eks:DeleteAccessEntry", "iam:DeleteRole", "iam:DeleteRolePolicy"]
    );
    assert!(undo.left.is_empty());
    let mut shared = remains(&ours());
    shared.role_policies = vec!["theirs".into(), "arn:aws:iam::aws:policy/ReadOnlyAccess".into()];
    let undo = grants.undo(&shared);
    let does: Vec<&str> = undo.steps.iter().map(Step::action).collect();
    assert_eq!(does, ["eks:DeleteAccessEntry", "iam:DeleteRolePolicy"]);
    for part in [
        "(theirs, arn:aws:iam::aws:policy/ReadOnlyAccess)",
        "aws iam delete-role-policy --role-name dev --policy-name theirs; aws iam detach-role-policy",
        "; aws iam delete-role --role-name dev",
    ] {
        assert!(undo.left[0].contains(part), "{part}: {}", undo.left[0]);
    }
    let undo = grants.undo(&remains(&Tags::new()));
    assert_eq!((undo.steps.len(), undo.left.len()), (1, 2));
    let undo = grants.undo(&Remains::default());
    assert!(undo.steps.is_empty() && undo.left.is_empty());
}
