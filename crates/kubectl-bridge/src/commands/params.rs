//! `params`: what the generator answers, worked out here.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use bridge_core::{
    applicationset::ApplicationSet,
    fleet::{Fleet, Member},
    parameters,
    request::Request,
    selector::Selector,
    suggest,
};
use bridge_kube::Hub;
use serde_json::{Map, Value, json};

use crate::{
    args::{ParamsArgs, parse_selector},
    context::Context,
    exit::Exit,
    output::Table,
    view::API_VERSION,
};

/// Runs `params`.
pub async fn run(ctx: &Context, args: ParamsArgs) -> anyhow::Result<Exit> {
    let ParamsArgs {
        selector,
        appset,
        config_map,
    } = args;
    let selector = selector.as_deref().map(parse_selector).transpose()?;
    let hub = ctx.hub().await?;
    let questions = match appset {
        Some(name) => asked_by(&hub, &name, config_map.as_deref()).await?,
        None => vec![Request {
            selector: selector.unwrap_or_else(Selector::default),
            ..Request::default()
        }],
    };
    let members = hub
        .clusters()
        .await?
        .into_iter()
        .map(|secret| Arc::new(Member::new(secret.cluster)));
    let fleet = Fleet::new(members).with_context(|| format!("the generator would not answer for {hub}"))?;
    for clash in fleet.clashes() {
        ctx.out.warn(format_args!(
            "cluster name \"{}\" is shared: Secret {} is served, {} left out",
            clash.name,
            clash.served,
            clash.left_out.join(", ")
        ))?;
    }
    let answers = questions
        .iter()
        .map(|request| serde_json::from_str(&parameters::answer(&fleet, request)))
        .collect::<Result<Vec<Value>, _>>()
        .context("reading our own answer")?;
    print(ctx, answers)?;
    Ok(Exit::Success)
}

/// The questions of the plugin generators of an ApplicationSet.
async fn asked_by(hub: &Hub, name: &str, config_map: Option<&str>) -> anyhow::Result<Vec<Request>> {
    let sets = hub.applicationsets().await?;
    let Some(set) = sets.iter().find(|set| set.name == name) else {
        bail!(
            "ApplicationSet \"{name}\" not found in {hub}{}; there are {}",
            suggest::hint(name, sets.iter().map(|set| set.name.as_str())),
            some_of(&sets)
        );
    };
    let inputs = set.plugin_inputs(config_map);
    if inputs.is_empty() {
        bail!(no_question(set, config_map));
    }
    inputs
        .iter()
        .map(|input| {
            Request::parse(input)
                .with_context(|| format!("the generator would refuse ApplicationSet \"{name}\""))
        })
        .collect()
}

/// Names to choose from, not all of a long list.
fn some_of(sets: &[ApplicationSet]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    match names.len() {
        0 => "none".into(),
        count if count > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        _ => names.join(", "),
    }
}

fn no_question(set: &ApplicationSet, config_map: Option<&str>) -> String {
    let which = config_map
        .map(|name| format!(" with ConfigMap \"{name}\""))
        .unwrap_or_default();
    format!(
        "ApplicationSet \"{}\" has no plugin generator{which}: it does not ask bridge-generator; \"{} params -l SELECTOR\" \
         shows what it would be answered",
        set.name,
        crate::BIN_NAME
    )
}

fn print(ctx: &Context, mut answers: Vec<Value>) -> anyhow::Result<()> {
    let sets: Vec<Map<String, Value>> = answers.iter().flat_map(sets_of).collect();
    let names = sets
        .iter()
        .map(|set| format!("parameters/{}", crate::output::cell(&text(set, "name"))));
    let printed = if answers.len() == 1 {
        ctx.out.object(&answers.remove(0), names)?
    } else {
        let list = json!({"apiVersion": API_VERSION, "kind": "ParametersList", "items": answers});
        ctx.out.object(&list, names)?
    };
    if printed {
        return Ok(());
    }
    let mut table = Table::new([
        "NAME",
        "NAMENORMALIZED",
        "SERVER",
        "PROJECT",
        "LABELS",
        "ANNOTATIONS",
    ]);
    for set in &sets {
        let count = |map: &str| {
            set.get("metadata")
                .and_then(|metadata| metadata.get(map))
                .and_then(Value::as_object)
                .map_or(0, Map::len)
                .to_string()
        };
        table.row([
            text(set, "name"),
            text(set, "nameNormalized"),
            text(set, "server"),
            text(set, "project"),
            count("labels"),
            count("annotations"),
        ]);
    }
    if table.is_empty() {
        ctx.out
            .note("No cluster is selected: the answer is an empty list.")?;
    }
    ctx.out.table(&table)
}

/// The sets of an answer, those of a flat list one by one.
fn sets_of(answer: &Value) -> Vec<Map<String, Value>> {
    let parameters = answer["output"]["parameters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    parameters
        .into_iter()
        .flat_map(|set| match set.get("clusters") {
            Some(Value::Array(clusters)) => clusters.clone(),
            _ => vec![set],
        })
        .filter_map(|set| match set {
            Value::Object(set) => Some(set),
            _ => None,
        })
        .collect()
}

fn text(set: &Map<String, Value>, key: &str) -> String {
    set.get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
