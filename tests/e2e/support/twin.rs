use serde_json::{Map, Value, json};

/// The ConfigMap with which the testbed names the service to Argo CD.
const CONFIG_MAP: &str = "bridge-generator";

/// So long that no test sees an answer that polling brought.
const REQUEUE_AFTER_SECONDS: u32 = 3600;

/// The same ApplicationSet with every `clusters` generator, nested ones too, replaced by the plugin generator: the
/// selector and `flatList` become input, values and the generator's own template stay where they are.
pub fn twin(set: &Value) -> Value {
    let mut set = set.clone();
    each_generator(&mut set["spec"], swap);
    set
}

/// Changes each of the generators of a spec, a merge or a matrix.
pub fn each_generator(holder: &mut Value, change: impl Fn(&mut Value)) {
    if let Some(generators) = holder.get_mut("generators").and_then(Value::as_array_mut) {
        generators.iter_mut().for_each(change);
    }
}

/// Replaces a generator, and those nested in it.
pub fn swap(generator: &mut Value) {
    for nesting in ["merge", "matrix"] {
        if let Some(nested) = generator.get_mut(nesting) {
            each_generator(nested, swap);
        }
    }
    let Some(clusters) = generator
        .as_object_mut()
        .and_then(|object| object.remove("clusters"))
    else {
        return;
    };
    generator["plugin"] = plugin(clusters.as_object().cloned().unwrap_or_default());
}

fn plugin(mut clusters: Map<String, Value>) -> Value {
    let mut parameters = Map::from_iter([("generate".to_owned(), json!("clusters"))]);
    if let Some(selector) = clusters.remove("selector") {
        parameters.insert("selector".to_owned(), selector);
    }
    if let Some(flat_list) = clusters.remove("flatList") {
        parameters.insert("flatList".to_owned(), json!(flat_list.to_string()));
    }
    // What is left, `values` and `template`, has the same name in a plugin generator.
    let mut plugin = clusters;
    plugin.insert("configMapRef".to_owned(), json!({"name": CONFIG_MAP}));
    plugin.insert("input".to_owned(), json!({"parameters": parameters}));
    plugin.insert("requeueAfterSeconds".to_owned(), json!(REQUEUE_AFTER_SECONDS));
    plugin.into()
}
