use super::super::call::Call;
use super::super::page;
use super::super::reply::Answer;
use super::super::world::World;

pub(super) fn list(world: &mut World, call: &Call) -> Answer {
    let mut names: Vec<String> = world
        .clusters
        .iter()
        .map(|cluster| &cluster.spec)
        .filter(|spec| spec.region == call.region && spec.account == call.account())
        .map(|spec| spec.name.clone())
        .collect();
    names.sort();
    let names = names.into_iter().map(Into::into).collect();
    page::eks(call, world.page_size, "clusters", names)
}

pub(super) fn describe(world: &mut World, call: &Call) -> Answer {
    Ok(world.cluster(call)?.spec.describe())
}
