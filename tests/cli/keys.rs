//! `label` and `annotate`, on a folder hub.

use crate::{fleet::sample, run::Bridge};

#[test]
fn label_has_kubectls_manners() {
    let bridge = Bridge::folder(&sample());
    assert_eq!(
        bridge.line("label dev team=a tier=gold").fine(),
        "cluster/dev labeled\n"
    );
    assert_eq!(
        bridge.line("label dev team=a").fine(),
        "cluster/dev not labeled\n"
    );
    let refused = bridge.line("label dev team=b").fails(
        1,
        &["error: cluster/dev: label \"team\" is already \"a\"; add --overwrite to change it"],
    );
    assert!(!refused.stderr.contains("~ label"), "{}", refused.stderr);
    assert_eq!(
        bridge.line("label dev team=b --overwrite").fine(),
        "cluster/dev labeled\n"
    );
    assert_eq!(
        bridge.line("label dev team- gone-").fine(),
        "cluster/dev labeled\n"
    );
    let ran = bridge.line("label dev gone-");
    assert_eq!(ran.clone().fine(), "cluster/dev not labeled\n");
    assert!(ran.stderr.contains("label \"gone\" not found."), "{}", ran.stderr);
    let list = bridge.line("label dev --list").quiet();
    assert!(list.contains("tier=gold\n") && !list.contains("team="), "{list}");
    let lists = bridge.line("label dev prod --list").quiet();
    assert!(
        lists.contains("Listing labels for cluster/prod:\n environment=prod")
            || lists.contains("\n environment=prod\n"),
        "{lists}"
    );
}

#[test]
fn a_label_that_moves_an_application_set_says_so() {
    let bridge = Bridge::folder(&sample());
    let text = bridge
        .line("label dev environment=test --overwrite --dry-run")
        .fine();
    assert!(text.contains("effect: workloads: "), "{text}");
    assert!(text.ends_with("cluster/dev labeled (dry run)\n"), "{text}");
}

#[test]
fn the_environment_is_label_and_annotation() {
    let bridge = Bridge::folder(&sample());
    let both = |value: &str| {
        for kind in ["label", "annotate"] {
            let list = bridge.line(&format!("{kind} dev --list")).quiet();
            let have = list.lines().find_map(|line| line.strip_prefix("environment="));
            assert_eq!(have, Some(value), "{kind}");
        }
    };
    bridge.line("label dev environment=test --overwrite").fine();
    both("test");
    bridge.line("annotate dev environment=dev --overwrite").fine();
    both("dev");
    bridge
        .run(&["annotate", "dev", "cluster_name=not a label"])
        .fails(
            1,
            &["label cluster_name: the value \"not a label\" is not a label value"],
        );
    both("dev");
}

#[test]
fn annotate_takes_words_and_files() {
    let bridge = Bridge::folder(&sample());
    let values = "with spaces, = and ä";
    bridge.run(&["annotate", "dev", &format!("note={values}")]).fine();
    assert!(
        bridge
            .line("annotate dev --list")
            .quiet()
            .contains(&format!("note={values}\n"))
    );
    std::fs::write(
        bridge.home().join("meta.yaml"),
        "aws_vpc_id: vpc-1\naws_region: eu-west-1\n",
    )
    .unwrap();
    assert_eq!(
        bridge.line("annotate dev --metadata-file meta.yaml").fine(),
        "cluster/dev annotated\n"
    );
    let terraform = r#"{"gitops_metadata": {"sensitive": false, "type": ["object", {}], "value": {"aws_vpc_id": "vpc-2"}}}"#;
    let words = ["annotate", "dev", "--metadata-file", "-"];
    bridge
        .fed(&words, terraform)
        .fails(1, &["\"aws_vpc_id\" is already \"vpc-1\"", "--overwrite"]);
    assert_eq!(
        bridge
            .fed(
                &["annotate", "dev", "--metadata-file", "-", "--overwrite"],
                terraform
            )
            .fine(),
        "cluster/dev annotated\n"
    );
    let list = bridge.line("annotate dev --list").quiet();
    assert!(list.contains("aws_vpc_id=vpc-2\n"), "{list}");
    // What the command line says wins over the file.
    bridge
        .line("annotate dev aws_vpc_id=vpc-3 --metadata-file meta.yaml --overwrite")
        .fine();
    assert!(
        bridge
            .line("annotate dev --list")
            .quiet()
            .contains("aws_vpc_id=vpc-3\n")
    );
}

#[test]
fn keys_that_are_kept_for_others_are_refused() {
    let bridge = Bridge::folder(&sample());
    let before = bridge.hub_files();
    for (line, code, part) in [
        (
            "annotate dev kubectl-bridge/schema=2",
            2,
            "annotation kubectl-bridge/schema is kept by kubectl bridge itself",
        ),
        (
            "label dev kubectl-bridge/x=2",
            2,
            "label kubectl-bridge/x is kept by kubectl bridge itself",
        ),
        (
            "annotate dev kubectl.kubernetes.io/last-applied-configuration-",
            2,
            "is kept by kubectl apply",
        ),
        (
            "label dev argocd.argoproj.io/secret-type-",
            1,
            "use \"unregister\"",
        ),
    ] {
        bridge.line(line).fails(code, &[part]);
    }
    assert_eq!(bridge.hub_files(), before);
}
