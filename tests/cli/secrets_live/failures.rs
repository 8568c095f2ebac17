//! Failures of each kind, with credentials near the place where it breaks.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;
use testbed::Fault;

use super::{AWS_SECRET, PASSWORD, World};
use crate::run::{Bridge, PLANTED};

/// What a plugin says of its failure is for the user; a token in it is not.
const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJl";

pub async fn all(world: &mut World) {
    world.vault.add("a token that a plugin complains of", JWT);
    of_the_hub(world);
    of_the_spoke(world);
    of_files(world);
    of_aws(world);
    of_a_drain(world).await;
}

/// A kubeconfig whose user is this.
fn kubeconfig(
    world: &World,
    name: &str,
    (server, authority): (&str, &Path),
    cluster: &str,
    user: &str,
) -> String {
    let file = world.bridge.home().join(name);
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: x, clusters: [{{name: x, cluster: {{server: '{server}', \
         certificate-authority: '{}'{cluster}}}}}], users: [{{name: x, user: {user}}}], contexts: [{{name: x, context: {{cluster: x, \
         user: x}}}}]}}\n",
        authority.display()
    );
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A credential plugin.
fn plugin(world: &World, name: &str, script: &str) -> String {
    let file = world.bridge.home().join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: '{}', args: ['{PLANTED}'], env: \
         [{{name: T, value: '{PLANTED}'}}]}}}}",
        file.display()
    )
}

/// Ways in which a user of a kubeconfig does not get in.
fn strangers(world: &World) -> Vec<String> {
    let credential = |token: &str| {
        json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}).to_string()
    };
    vec![
        format!("{{token: {PLANTED}}}"),
        format!("{{token: \"{PLANTED}\\n{PLANTED}\"}}"),
        format!("{{username: jo, password: {PLANTED}}}"),
        format!("{{client-certificate-data: {PLANTED}, client-key-data: {PLANTED}}}"),
        format!(
            "{{auth-provider: {{name: oidc, config: {{id-token: {PLANTED}, refresh-token: {PLANTED}}}}}}}"
        ),
        plugin(
            world,
            "fails",
            &format!("echo {PLANTED}; echo 'cannot use {JWT}' >&2; exit 3"),
        ),
        plugin(world, "babbles", &format!("echo '{{\"status\": {PLANTED}'")),
        plugin(world, "stranger", &format!("echo '{}'", credential(PLANTED))),
        plugin(
            world,
            "breaks",
            &format!("printf '%s' '{}'", credential(&format!("{PLANTED}\n"))),
        ),
    ]
}

fn of_the_hub(world: &World) {
    let (server, authority) = (world.hub.server(), world.hub.ca_file());
    let bare = Bridge::bare();
    let fails = |line: &str, env: &[(&str, &str)]| {
        let ran = world.run_as(&bare, line, env);
        assert_eq!(ran.code, 1, "{line}: {}{}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{line}: {}", ran.stderr);
    };
    for (at, user) in strangers(world).iter().enumerate() {
        for server in [&*server, "https://127.0.0.1:1"] {
            let file = kubeconfig(world, &format!("hub-{at}"), (server, &authority), "", user);
            fails(&format!("get --kubeconfig {file}"), &[]);
        }
    }
    let ran = world.run(&format!("get --token {PLANTED}"));
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    let proxy = format!("http://jo:{PASSWORD}@127.0.0.1:1");
    let proxied = kubeconfig(
        world,
        "proxied",
        (&server, &authority),
        &format!(", proxy-url: '{proxy}'"),
        &format!("{{token: {PLANTED}}}"),
    );
    fails(&format!("get --kubeconfig {proxied}"), &[]);
    for (name, value) in [
        ("HTTPS_PROXY", &*proxy),
        ("https_proxy", "http://jo:planted-password-of-a-proxy@[bad"),
    ] {
        fails(
            &format!("get --server https://hub.example.com --token {PLANTED}"),
            &[(name, value), ("NO_PROXY", "")],
        );
    }
    let broken = world.bridge.home().join("broken");
    for text in [
        format!("users: [{{name: x, user: {{token: {PLANTED}\n"),
        format!("users: [{{name: x, user: {{token: [{PLANTED}]}}}}]\n"),
        format!("{PLANTED}\n"),
    ] {
        std::fs::write(&broken, text).unwrap();
        fails(&format!("get --kubeconfig {}", broken.display()), &[]);
    }
}

fn of_the_spoke(world: &World) {
    let server = world.spoke.server();
    for (at, user) in strangers(world).iter().enumerate() {
        let file = kubeconfig(
            world,
            &format!("spoke-{at}"),
            (&server, world.spoke.ca_file()),
            "",
            user,
        );
        for more in ["", "--copy-credentials"] {
            world.run(&format!(
                "register s{at} --environment dev --spoke-context x --spoke-kubeconfig {file} {more}"
            ));
            world.run(&format!("unregister s{at} --ignore-not-found"));
        }
    }
    let endpoint = format!("https://jo:{PASSWORD}@10.0.0.9");
    world.run(&format!(
        "register e --environment dev --endpoint {endpoint} --token-file token"
    ));
    let proxied = format!(
        "register e --environment dev --endpoint https://10.0.0.9 --token-file token --proxy-url http://jo:{PASSWORD}@p:1"
    );
    for more in ["--dry-run", "--dry-run -o json", "", "--label a=b"] {
        world.run(&format!("{proxied} {more}"));
    }
    world.run("describe e -o yaml");
    world.run("unregister e --ignore-not-found");
}

fn of_files(world: &World) {
    let home = world.bridge.home();
    for (name, text) in [
        ("lines", format!("{PLANTED}\n{PLANTED}\n")),
        ("spaces", format!("{PLANTED} {PLANTED}")),
        ("letters", format!("{PLANTED}\u{7}é")),
    ] {
        std::fs::write(home.join(name), text).unwrap();
        world.run(&format!(
            "register f --environment dev --endpoint https://10.0.0.8 --token-file {name}"
        ));
        world.run("unregister f --ignore-not-found");
    }
    std::fs::write(
        home.join("bytes"),
        [&b"\xff\xfe"[..], PLANTED.as_bytes()].concat(),
    )
    .unwrap();
    let bytes = world.run("register f --environment dev --endpoint https://10.0.0.8 --token-file bytes");
    assert_ne!(bytes.code, 0);
    // Terraform knows what is sensitive; and what is broken is not quoted.
    let sensitive = json!({
        "gitops_metadata": {"sensitive": true, "type": "string", "value": {"password": PLANTED}},
        "other": {"sensitive": false, "type": "string", "value": PLANTED},
    });
    for (name, text) in [
        ("sensitive", sensitive.to_string()),
        ("json", format!("{{\"a\": \"{PLANTED}\" \"b\"}}")),
        ("yaml", format!("a: [{PLANTED}\n")),
        ("list", format!("a: [{PLANTED}]\n")),
        ("text", format!("{PLANTED}\n")),
        ("key", format!("{{\"not a key\": \"{PLANTED}\"}}")),
        ("tagged", format!("a: !!int {PLANTED}\n")),
    ] {
        std::fs::write(home.join(name), text).unwrap();
        for line in [
            format!("register near --environment dev --skip-access --metadata-file {name}"),
            format!("annotate key --metadata-file {name}"),
        ] {
            let ran = world.run(&line);
            assert_ne!(ran.code, 0, "{line}: {}", ran.stdout);
        }
    }
}

fn of_aws(world: &World) {
    let home = world.bridge.home();
    let line = "register near --environment dev --access-policy view --hub-aws-cluster-name hub";
    for (code, http) in [
        ("AccessDeniedException", 403),
        ("UnrecognizedClientException", 403),
        ("ExpiredTokenException", 403),
        ("InvalidSignatureException", 403),
        ("ServerException", 500),
    ] {
        world.aws.inject(Fault::refuse(code, http).always());
        let ran = world.run(line);
        assert_ne!(ran.code, 0, "{code}");
        world.aws.clear_faults();
    }
    assert_ne!(
        world
            .run_with(
                line,
                &[
                    ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
                    ("AWS_MAX_ATTEMPTS", "1")
                ]
            )
            .code,
        0
    );
    let process = home.join("process");
    let answers = [
        format!("echo '{{\"Version\": 1, \"AccessKeyId\": \"AKIDX\", \"SecretAccessKey\": \"{AWS_SECRET}\"'"),
        format!("echo {AWS_SECRET} >&2; echo {AWS_SECRET}; exit 3"),
        format!("echo '{{\"Version\": 1, \"AccessKeyId\": 5, \"SecretAccessKey\": [\"{AWS_SECRET}\"]}}'"),
    ];
    for answer in answers {
        std::fs::write(&process, format!("#!/bin/sh\n{answer}\n")).unwrap();
        std::fs::set_permissions(&process, std::fs::Permissions::from_mode(0o755)).unwrap();
        let config = home.join("config");
        std::fs::write(
            &config,
            format!(
                "[profile p]\ncredential_process = {} {AWS_SECRET}\n",
                process.display()
            ),
        )
        .unwrap();
        let ran = world.run_with(
            &format!("{line} --profile p"),
            &[("AWS_CONFIG_FILE", config.to_str().unwrap())],
        );
        assert_ne!(ran.code, 0);
    }
    let credentials = home.join("credentials");
    for text in [
        format!("[p]\naws_access_key_id = AKIDX\naws_secret_access_key {AWS_SECRET}\n"),
        format!("[p\naws_secret_access_key = {AWS_SECRET}\n"),
        format!("aws_secret_access_key = {AWS_SECRET}\n"),
        format!("[p]\naws_secret_access_key = {AWS_SECRET}\n"),
    ] {
        std::fs::write(&credentials, text).unwrap();
        let ran = world.run_with(
            &format!("{line} --profile p"),
            &[("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap())],
        );
        assert_ne!(ran.code, 0);
    }
}

/// The notes of a run hold what it has to remember: nothing of an Application that could be a secret.
async fn of_a_drain(world: &World) {
    let stuck = format!(
        "{{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {{name: stuck}}, spec: {{project: default, source: {{repoURL: \
         'https://example.com/x.git', path: ., helm: {{values: 'password: {PLANTED}', parameters: [{{name: p, value: {PLANTED}}}]}}}}, \
         destination: {{name: password, namespace: x}}}}}}"
    );
    world.hub.create(&stuck).await.unwrap();
    for form in ["", " -o json"] {
        let ran = world.run(&format!("unregister password --drain --yes --timeout 1s{form}"));
        assert_eq!(ran.code, 1, "{}", ran.stdout);
    }
    let words = [
        "get",
        "secret",
        "kubectl-bridge-op-password",
        "-o",
        "go-template={{.data.operation | base64decode}}",
    ];
    let note = world.hub.kubectl(&words).await.unwrap().success().unwrap();
    world.vault.search("the note of a drain", &note);
    world.run("check --hub -o yaml");
    world.run("unregister password --cancel -o json").fine();
}
