//! Command lines of `register`.

use clap::Parser;

use anyhow::bail;

use super::*;
use crate::args::{Cli, Command};

fn options(words: &str) -> anyhow::Result<RegisterOptions> {
    let line = format!("kubectl-bridge register {words}");
    match Cli::try_parse_from(line.split_whitespace())?.command {
        Command::Register(args) => args.resolve(),
        other => bail!("{other:?}"),
    }
}

#[test]
fn ways() {
    let arn = "arn:aws:iam::111122223333:role/x";
    assert_eq!(options("dev").unwrap().way, Way::Unsaid);
    for words in [
        format!("dev --aws-role-arn {arn}"),
        format!("dev --access role --aws-role-arn {arn}"),
    ] {
        assert_eq!(
            options(&words).unwrap().way,
            Way::Eks(EksAccess::Role(Some(arn.into())))
        );
    }
    assert_eq!(options("dev --in-cluster").unwrap().way, Way::InCluster);
    assert!(matches!(
        options("dev --spoke-context c --copy-credentials").unwrap().way,
        Way::Context { copy: true, .. }
    ));
    assert!(options("dev --in-cluster --aws-cluster-name hub --region r").is_ok());
    for wrong in [
        "",
        "dev prod",
        "dev --in-cluster --spoke-context c",
        "dev --endpoint https://x",
        "dev --copy-credentials",
        "dev --access none",
        "dev --access direct --in-cluster",
        "dev --access direct --aws-role-arn a",
        "dev --access capability --aws-role-arn a",
        "dev --in-cluster --region r",
        "dev --label x",
        "dev --label a=1 --label a=2",
        "dev --enable keda --label enable_keda=false",
        "dev --enable nope",
        "dev --metadata-key k",
    ] {
        assert!(options(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_it_carries() {
    let options = options(
        "dev --enable aws-lbc,keda --label a=b=c --annotation x=y --namespaces a,b --cluster-resources --shard 3",
    )
    .unwrap();
    assert_eq!(options.labels["enable_aws_load_balancer_controller"], "true");
    assert_eq!(options.labels["a"], "b=c");
    assert_eq!(options.annotations["x"], "y");
    assert_eq!(options.namespaces, Some(vec!["a".into(), "b".into()]));
    assert_eq!((options.cluster_resources, options.shard), (Some(true), Some(3)));
}
