//! The rendered manifest by the rules that krew's validator and its reviewers go by.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::package::Package;

/// The platforms that krew knows.
const PLATFORMS: [(&str, &str); 11] = [
    ("linux", "amd64"),
    ("linux", "386"),
    ("linux", "arm"),
    ("linux", "arm64"),
    ("linux", "ppc64le"),
    ("darwin", "amd64"),
    ("darwin", "386"),
    ("darwin", "arm64"),
    ("windows", "amd64"),
    ("windows", "386"),
    ("windows", "arm64"),
];

/// Checks all that does not need the archive.
pub(crate) fn check(text: &str) -> Value {
    let manifest: Value = serde_saphyr::from_str(text).unwrap();
    assert_eq!(
        manifest["apiVersion"],
        "krew.googlecontainertools.github.com/v1alpha2"
    );
    assert_eq!(manifest["kind"], "Plugin");
    // The file is bridge.yaml, and the program of the plugin NAME is kubectl-NAME.
    assert_eq!(manifest["metadata"]["name"], "bridge");

    let spec = &manifest["spec"];
    let known = [
        "caveats",
        "description",
        "homepage",
        "platforms",
        "shortDescription",
        "version",
    ];
    let keys: Vec<&String> = spec.as_object().unwrap().keys().collect();
    assert!(keys.iter().all(|key| known.contains(&key.as_str())), "{keys:?}");
    let short = spec["shortDescription"].as_str().unwrap();
    assert!(
        (1..=50).contains(&short.chars().count()) && !short.contains('\n'),
        "{short}"
    );
    let description = spec["description"].as_str().unwrap();
    assert!(
        description.lines().all(|line| line.chars().count() <= 80),
        "{description}"
    );
    assert!(spec["homepage"].as_str().unwrap().starts_with("https://"));
    let version = spec["version"].as_str().unwrap();
    assert_eq!(version, format!("v{}", env!("CARGO_PKG_VERSION")));

    let mut seen = BTreeSet::new();
    for platform in spec["platforms"].as_array().unwrap() {
        let keys: Vec<&String> = platform.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["bin", "selector", "sha256", "uri"]);
        let label = |name: &str| {
            platform["selector"]["matchLabels"][name]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let (os, arch) = (label("os"), label("arch"));
        assert!(PLATFORMS.contains(&(&os, &arch)), "{os} {arch}");
        let digest = platform["sha256"].as_str().unwrap();
        assert!(
            digest.len() == 64 && digest.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
            "{digest}"
        );
        let file = format!("kubectl-bridge_{version}_{os}_{arch}.tar.gz");
        let uri = platform["uri"].as_str().unwrap();
        assert!(
            uri.starts_with("https://") && uri.ends_with(&format!("/{version}/{file}")),
            "{uri}"
        );
        let bin = if os == "windows" {
            "kubectl-bridge.exe"
        } else {
            "kubectl-bridge"
        };
        assert_eq!(platform["bin"], bin);
        assert!(seen.insert((os, arch)), "two platforms overlap");
    }
    assert!(!seen.is_empty());
    manifest
}

#[test]
fn the_rendered_manifest_holds_this_platform_and_the_archive() {
    let package = Package::get();
    let text = fs::read_to_string(package.folder().join("bridge.yaml")).unwrap();
    assert!(!text.contains("{{"), "{text}");
    let manifest = check(&text);
    let [platform] = manifest["spec"]["platforms"].as_array().unwrap().as_slice() else {
        panic!("one platform was asked for: {text}");
    };
    let archive = package.archive();
    let uri = platform["uri"].as_str().unwrap();
    assert!(
        uri.ends_with(archive.file_name().unwrap().to_str().unwrap()),
        "{uri}"
    );
    let output = Command::new("sha256sum").arg(&archive).output().unwrap();
    let digest = String::from_utf8(output.stdout).unwrap();
    assert_eq!(platform["sha256"].as_str(), digest.split_whitespace().next());
    let bin = platform["bin"].as_str().unwrap();
    assert!(
        package.unpack().path().join(bin).is_file(),
        "the archive holds no {bin}"
    );
}
