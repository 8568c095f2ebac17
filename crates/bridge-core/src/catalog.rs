//! The catalog of addons: canonical names, aliases, toggle labels.

use std::collections::BTreeMap;

use crate::{keys, suggest};

/// An addon of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addon {
    /// Canonical name: the toggle label without `enable_`, `_` as `-`.
    pub name: &'static str,
    /// Other names that people use.
    pub aliases: &'static [&'static str],
    /// Where the pattern keeps it: `ack` (AWS controllers for Kubernetes), `aws`, `oss`.
    pub category: &'static str,
}

/// The known addons.
#[derive(Debug, Clone, Copy)]
pub struct Catalog {
    addons: &'static [Addon],
}

/// No addon has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown addon \"{name}\"{hint} (for a label outside the catalog: --toggle LABEL=true|false)")]
pub struct UnknownAddon {
    /// The name asked for.
    pub name: String,
    hint: String,
}

impl Addon {
    /// The toggle label, `enable_<addon>`.
    pub fn label(&self) -> String {
        format!("{}{}", keys::TOGGLE_PREFIX, self.name.replace('-', "_"))
    }
}

impl Catalog {
    /// The toggles of the GitOps Bridge pattern: the 48 labels that the ApplicationSets of
    /// gitops-bridge-argocd-control-plane-template select on.
    pub fn builtin() -> Self {
        Self { addons: BUILTIN }
    }

    /// All addons, by name.
    pub fn addons(&self) -> &'static [Addon] {
        self.addons
    }

    /// Finds an addon by canonical name, alias or toggle label; case and `_`/`-` do not matter.
    pub fn resolve(&self, word: &str) -> Result<&'static Addon, UnknownAddon> {
        let wanted = canonical(word.strip_prefix(keys::TOGGLE_PREFIX).unwrap_or(word));
        self.addons
            .iter()
            .find(|addon| addon.name == wanted || addon.aliases.contains(&wanted.as_str()))
            .ok_or_else(|| UnknownAddon {
                name: word.to_owned(),
                hint: suggest::hint(
                    &wanted,
                    self.addons
                        .iter()
                        .flat_map(|addon| addon.aliases.iter().chain([&addon.name]).copied()),
                ),
            })
    }

    /// The name to show for a toggle label: canonical, or made by the same rule for one outside the catalog.
    pub fn name_of(label: &str) -> String {
        canonical(keys::toggle_addon(label).unwrap_or(label))
    }

    /// Toggle labels of several clusters with their names, by name: what a matrix shows.
    pub fn toggles_of<'a>(
        clusters: impl IntoIterator<Item = &'a crate::cluster::Cluster>,
    ) -> BTreeMap<String, String> {
        clusters
            .into_iter()
            .flat_map(crate::cluster::Cluster::toggles)
            .map(|(label, _)| (Self::name_of(label), label.to_owned()))
            .collect()
    }
}

fn canonical(word: &str) -> String {
    word.to_lowercase().replace('_', "-")
}

macro_rules! addons {
    ($($category:literal $name:literal [$($alias:literal),*])*) => {
        &[$(Addon { name: $name, aliases: &[$($alias),*], category: $category }),*]
    };
}

const BUILTIN: &[Addon] = addons! {
    "ack" "ack-apigatewayv2" ["ack-apigateway"]
    "ack" "ack-dynamodb" []
    "ack" "ack-emrcontainers" ["ack-emr"]
    "ack" "ack-eventbridge" []
    "ack" "ack-prometheusservice" ["ack-prometheus", "ack-amp"]
    "ack" "ack-rds" []
    "ack" "ack-s3" []
    "ack" "ack-sfn" ["ack-step-functions"]
    "oss" "argo-events" []
    "oss" "argo-rollouts" ["rollouts"]
    "oss" "argo-workflows" ["workflows"]
    "oss" "argocd" ["argo-cd"]
    "aws" "aws-argo-workflows-ingress" ["argo-workflows-ingress"]
    "aws" "aws-argocd" []
    "aws" "aws-argocd-ingress" ["argocd-ingress"]
    "aws" "aws-cloudwatch-metrics" ["cloudwatch-metrics"]
    "aws" "aws-crossplane-provider" ["crossplane-aws"]
    "aws" "aws-crossplane-upbound-provider" ["crossplane-aws-upbound"]
    "aws" "aws-ebs-csi-resources" ["ebs-csi-resources", "aws-ebs-csi"]
    "aws" "aws-efs-csi-driver" ["efs-csi-driver", "efs-csi", "aws-efs-csi"]
    "aws" "aws-for-fluentbit" ["aws-for-fluent-bit", "fluent-bit", "fluentbit"]
    "aws" "aws-fsx-csi-driver" ["fsx-csi-driver", "fsx-csi", "aws-fsx-csi"]
    "aws" "aws-gateway-api-controller" ["gateway-api-controller", "aws-gateway-api"]
    "aws" "aws-load-balancer-controller" ["aws-lbc", "aws-lb-controller", "lbc"]
    "aws" "aws-node-termination-handler" ["node-termination-handler", "aws-nth", "nth"]
    "aws" "aws-privateca-issuer" ["privateca-issuer", "aws-pca-issuer", "pca-issuer"]
    "aws" "aws-secrets-store-csi-driver-provider" ["secrets-store-csi-driver-provider-aws", "aws-secrets-store"]
    "aws" "cert-manager" []
    "aws" "cluster-autoscaler" ["cas"]
    "oss" "cluster-proportional-autoscaler" ["cpa"]
    "oss" "crossplane" []
    "oss" "crossplane-helm-provider" ["crossplane-helm"]
    "oss" "crossplane-kubernetes-provider" ["crossplane-kubernetes"]
    "aws" "external-dns" ["externaldns"]
    "aws" "external-secrets" ["eso"]
    "aws" "fargate-fluentbit" ["fargate-fluent-bit"]
    "oss" "gatekeeper" ["opa-gatekeeper"]
    "oss" "gpu-operator" ["nvidia-gpu-operator"]
    "oss" "ingress-nginx" ["nginx-ingress"]
    "aws" "karpenter" []
    "oss" "keda" []
    "oss" "kube-prometheus-stack" ["prometheus-stack"]
    "oss" "kyverno" []
    "oss" "metrics-server" []
    "oss" "prometheus-adapter" []
    "oss" "secrets-store-csi-driver" ["secrets-store"]
    "aws" "velero" []
    "oss" "vpa" ["vertical-pod-autoscaler"]
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn forty_eight_addons_and_no_word_means_two() {
        let catalog = Catalog::builtin();
        assert_eq!(catalog.addons().len(), 48);
        let words: Vec<&str> = catalog
            .addons()
            .iter()
            .flat_map(|addon| addon.aliases.iter().chain([&addon.name]).copied())
            .collect();
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
        assert!(catalog.addons().is_sorted_by_key(|addon| addon.name));
        for word in words {
            assert!(catalog.resolve(word).is_ok(), "{word}");
        }
    }

    #[test]
    fn three_ways_to_say_it() {
        let catalog = Catalog::builtin();
        for word in [
            "aws-load-balancer-controller",
            "enable_aws_load_balancer_controller",
            "aws-lbc",
            "AWS_LBC",
        ] {
            assert_eq!(
                catalog.resolve(word).unwrap().label(),
                "enable_aws_load_balancer_controller",
                "{word}"
            );
        }
        let error = catalog.resolve("karpentr").unwrap_err().to_string();
        assert!(
            error.contains("\"karpentr\"; did you mean \"karpenter\"?"),
            "{error}"
        );
        assert_eq!(Catalog::name_of("enable_my_Own"), "my-own");
    }
}
