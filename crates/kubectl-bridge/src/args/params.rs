//! `params`.

use clap::Args;

/// Show what the generator answers, worked out here, without a server.
#[derive(Debug, Args)]
#[command(after_help = "\
The answer is that of bridge-generator to {\"generate\": \"clusters\"}: one set of parameters a cluster.

Examples:
  kubectl bridge params
  kubectl bridge params -l environment=dev -o yaml
  kubectl bridge params --appset addons-karpenter
  kubectl bridge params -o jsonpath='{.output.parameters[*].name}'")]
pub struct ParamsArgs {
    /// Ask with this selector: a=b,c!=d,e in (x,y),!f
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "appset")]
    pub selector: Option<String>,
    /// Ask what the plugin generators of this ApplicationSet ask
    #[arg(long, value_name = "NAME", alias = "applicationset")]
    pub appset: Option<String>,
    /// Only plugin generators with this ConfigMap
    #[arg(long, value_name = "NAME", requires = "appset")]
    pub config_map: Option<String>,
}
