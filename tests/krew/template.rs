//! The template as krew-release-bot fills it in: all platforms.

use std::fmt::Write as _;
use std::fs;

use crate::manifest;
use crate::package::root;

/// The bot's `addURIAndSha` and `indent`: two lines, the second one indented.
fn filled_in(template: &str) -> String {
    let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
    let mut text = String::new();
    for line in template.lines() {
        if let Some(call) = line.trim_start().strip_prefix("{{addURIAndSha \"") {
            let (uri, rest) = call.split_once('"').unwrap();
            assert_eq!(rest, " .TagName | indent 6 }}");
            let digest = "0123456789abcdef".repeat(4);
            writeln!(text, "      uri: {uri}\n      sha256: {digest}").unwrap();
        } else {
            writeln!(text, "{line}").unwrap();
        }
    }
    text.replace("{{ .TagName }}", &tag)
}

#[test]
fn the_template_is_a_valid_manifest_for_every_platform_of_a_release() {
    let template = fs::read_to_string(root().join("krew/bridge.yaml")).unwrap();
    let text = filled_in(&template);
    assert!(!text.contains("{{"), "{text}");
    let manifest = manifest::check(&text);
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    let of = |os: &str| {
        platforms
            .iter()
            .filter(|platform| platform["selector"]["matchLabels"]["os"] == os)
            .count()
    };
    assert_eq!((of("linux"), of("darwin"), of("windows")), (2, 2, 1));
}
