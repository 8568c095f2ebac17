//! Kubeconfig files: found and merged as client-go does it (`tools/clientcmd`).

use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};

use crate::error::{Cause, HubError};

/// What the files hold.
pub(crate) enum Found {
    /// The merged files.
    Kubeconfig(Box<Kubeconfig>),
    /// No file, or none with anything in it; names what was looked for.
    Nothing(String),
}

/// Reads and merges the files that `--kubeconfig`, else `KUBECONFIG`, else the home directory names.
pub(crate) fn find(
    flag: Option<&Path>,
    list: Option<&std::ffi::OsStr>,
    home: Option<&Path>,
) -> Result<Found, HubError> {
    if let Some(path) = flag {
        return Ok(Found::Kubeconfig(Box::new(read(path)?)));
    }
    let paths: Vec<PathBuf> = list
        .map(|list| {
            std::env::split_paths(list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    let (paths, label) = if paths.is_empty() {
        let path = home.map(|home| home.join(".kube").join("config"));
        (path.into_iter().collect::<Vec<_>>(), "")
    } else {
        (paths, "KUBECONFIG: ")
    };
    let mut merged = Kubeconfig::default();
    for path in paths.iter().filter(|path| path.exists()) {
        merged = merged
            .merge(read(path)?)
            .map_err(|error| unusable(path, &error))?;
    }
    if merged.clusters.is_empty() && merged.contexts.is_empty() && merged.auth_infos.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Ok(Found::Nothing(format!("{label}{}", paths.join(", "))));
    }
    Ok(Found::Kubeconfig(Box::new(merged)))
}

fn read(path: &Path) -> Result<Kubeconfig, HubError> {
    Kubeconfig::read_from(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &KubeconfigError) -> HubError {
    HubError::Kubeconfig {
        what: format!("cannot use the kubeconfig {}", path.display()),
        cause: Some(config_cause(error)),
    }
}

/// The cause without any text of the file: the YAML parser quotes the lines around its error, credentials too.
pub(crate) fn config_cause(error: &KubeconfigError) -> Cause {
    Cause::new(match error {
        KubeconfigError::ReadConfig(error, _) => error.to_string(),
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!(
                "it is not a kubeconfig (line {}, column {})",
                at.line(),
                at.column()
            ),
            None => "it is not a kubeconfig".into(),
        },
        KubeconfigError::ParseClusterUrl(error) => format!("the server address: {error}"),
        KubeconfigError::ParseProxyUrl(error) => format!("the proxy address: {error}"),
        other => other.to_string(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const TWO: &str = "\
apiVersion: v1
kind: Config
current-context: dev
clusters:
- {name: c-dev, cluster: {server: 'https://dev:6443', tls-server-name: inner, certificate-authority-data: QQ==}}
- {name: c-prod, cluster: {server: 'https://prod:6443'}}
users:
- {name: u-dev, user: {exec: {command: aws, apiVersion: client.authentication.k8s.io/v1beta1}}}
contexts:
- {name: dev, context: {cluster: c-dev, user: u-dev, namespace: team}}
- {name: prod, context: {cluster: c-prod, user: gone}}
";

    #[test]
    fn files_are_merged_and_missing_ones_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let first = dir.path().join("first");
        std::fs::write(&first, "current-context: prod\n").unwrap();
        let second = dir.path().join("second");
        std::fs::write(&second, TWO).unwrap();
        let list = std::env::join_paths([&first, &dir.path().join("none"), &second]).unwrap();
        let Found::Kubeconfig(merged) = find(None, Some(&list), None).unwrap() else {
            panic!("found nothing");
        };
        assert_eq!(merged.current_context.as_deref(), Some("prod"));
        assert_eq!(merged.contexts.len(), 2);
        let Found::Nothing(looked_for) = find(None, None, Some(dir.path())).unwrap() else {
            panic!("found something");
        };
        assert!(looked_for.ends_with(".kube/config"), "{looked_for}");
        assert!(find(Some(&dir.path().join("none")), None, None).is_err());
    }

    #[test]
    fn a_broken_file_is_not_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, "users:\n- name: a\n  user: {token: [planted\n").unwrap();
        let error = find(Some(&path), None, None).map(|_| ()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("planted"), "{shown}");
        assert!(shown.contains("line"), "{shown}");
    }
}
