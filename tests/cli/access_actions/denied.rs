//! What is asked for only to warn, and done without where it is denied.

use super::{Play, checking, direct, nothing, ok, role_of_others, stage, with_its_role};
use crate::access::{AWAY, HOME, Identity, PLATFORM};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_at_only_to_warn_may_be_denied() {
    let looks: [(Play, &[(&str, &str)]); 5] = [
        (
            Play {
                identity: Identity::Pods,
                account: AWAY,
                before: nothing,
                run: with_its_role,
            },
            &[
                (HOME, "iam:SimulatePrincipalPolicy"),
                (HOME, "iam:ListRolePolicies"),
                (AWAY, "eks:ListAccessEntries"),
            ],
        ),
        (
            Play {
                identity: Identity::Pods,
                account: AWAY,
                before: role_of_others,
                run: |stage| {
                    let role = format!("arn:aws:iam::{AWAY}:role/argocd");
                    let ran =
                        stage.line(&stage.register(&format!("--aws-role-arn {role} --access-policy view")));
                    assert!(
                        ran.stderr.contains("was not checked: iam:GetRole is not allowed"),
                        "{}",
                        ran.stderr
                    );
                    ran.fine();
                },
            },
            &[(HOME, "iam:SimulatePrincipalPolicy"), (AWAY, "iam:GetRole")],
        ),
        (
            Play {
                identity: Identity::Pods,
                account: HOME,
                before: nothing,
                run: direct,
            },
            &[(HOME, "iam:GetRole")],
        ),
        (
            Play {
                identity: Identity::Pods,
                account: AWAY,
                before: nothing,
                run: |stage| {
                    ok(
                        stage,
                        &format!("discover --accounts {AWAY} --assume-role {PLATFORM}"),
                    );
                },
            },
            &[(AWAY, "eks:ListAccessEntries")],
        ),
        (
            Play {
                identity: Identity::Pods,
                account: AWAY,
                before: with_its_role,
                run: |stage| {
                    let found = stage.line(&checking()).fine();
                    assert!(!found.contains('×') && found.contains("KB201"), "{found}");
                },
            },
            &[
                (AWAY, "eks:DescribeCluster"),
                (HOME, "eks:DescribeCluster"),
                (HOME, "eks:ListCapabilities"),
            ],
        ),
    ];
    for (play, denied) in looks {
        let stage = stage(&play).await;
        for (account, action) in denied {
            stage.fake.deny(account, action);
        }
        (play.run)(&stage);
        let calls = stage.fake.calls();
        for (_, action) in denied.iter().take(1) {
            assert!(
                calls
                    .iter()
                    .any(|call| call.error.is_some() && call.actions.iter().any(|one| one == action)),
                "{action} was not asked for"
            );
        }
    }
}
