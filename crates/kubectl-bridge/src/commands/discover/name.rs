//! The name that a discovered cluster gets on the hub.

use bridge_core::{
    defaults::{Defaults, Pattern, Unfilled, Values},
    facts::{EksArn, EksFacts},
};

/// Its name in EKS, or what the team's pattern for that says is the short name in it; then put into the pattern for names, if there is
/// one.
///
/// # Errors
/// Where the pattern needs what is not known of the cluster.
pub fn name(
    arn: &EksArn,
    facts: Option<&EksFacts>,
    defaults: &Defaults,
    pattern: Option<&Pattern>,
    environment: Option<&str>,
) -> Result<String, Unfilled> {
    let tag = facts.and_then(EksFacts::environment_tag);
    let mut values = Values {
        name: None,
        account: Some(arn.account.clone()),
        region: Some(arn.region.clone()),
        environment: environment
            .or_else(|| tag.map(|(_, value)| value))
            .map(str::to_owned),
        tags: facts.map(|facts| facts.tags.clone()).unwrap_or_default(),
    };
    let short = defaults
        .aws_cluster_name
        .as_ref()
        .and_then(|pattern| pattern.name_of(&arn.name, &values))
        .unwrap_or_else(|| arn.name.clone());
    let Some(pattern) = pattern.or(defaults.name_pattern.as_ref()) else {
        return Ok(short);
    };
    values.name = Some(short);
    pattern.fill(&values)
}
