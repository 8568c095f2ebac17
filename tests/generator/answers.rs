//! Each answer and each refusal, in this process.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use bridge_core::{
    cluster::Cluster,
    fleet::{Fleet, Member},
};
use bridge_generator::{router, service::Service, tokens::Tokens};
use bridge_kube::watch::{FleetView, State};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::wire::call;

const PATH: &str = "/api/v1/getparams.execute";

fn cluster(name: &str) -> Arc<Member> {
    Arc::new(Member::new(Cluster {
        secret_name: name.to_owned(),
        name: name.to_owned(),
        server: format!("https://{name}"),
        labels: [("environment".to_owned(), name.to_owned())].into(),
        ..Cluster::default()
    }))
}

fn ready() -> State {
    State::Ready(Arc::new(Fleet::new([cluster("dev"), cluster("prod")]).unwrap()))
}

fn service(state: State) -> Arc<Service> {
    let tokens = Arc::new(Tokens::single("right"));
    Arc::new(Service::new(
        FleetView::fixed(state),
        tokens,
        Duration::from_mins(1),
    ))
}

struct Answer {
    status: StatusCode,
    content_type: String,
    length: String,
    body: Value,
}

impl Answer {
    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let header = |name| {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
            .to_owned()
    };
    let (status, content_type, length) = (
        response.status(),
        header(header::CONTENT_TYPE),
        header(header::CONTENT_LENGTH),
    );
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(length, bytes.len().to_string(), "Content-Length");
    Answer {
        status,
        content_type,
        length,
        body: serde_json::from_slice(&bytes).unwrap(),
    }
}

fn request(method: Method, path: &str, authorization: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, authorization)
        .body(body.into())
        .unwrap()
}

async fn ask(state: State, parameters: &Value) -> Answer {
    let body = call("addons", parameters);
    send(
        router(service(state)),
        request(Method::POST, PATH, "Bearer right", body),
    )
    .await
}

#[tokio::test]
async fn the_fleet_is_answered() {
    let answer = ask(ready(), &json!({"generate": "clusters"})).await;
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (StatusCode::OK, "application/json")
    );
    assert_ne!(answer.length, "0");
    let names: Vec<&str> = answer.body["output"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| set["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["dev", "prod", "in-cluster"]);
}

#[tokio::test]
async fn an_empty_selection_is_an_answer_and_an_empty_fleet_is_none() {
    let nothing = json!({"generate": "clusters", "selector": {"matchLabels": {"environment": "staging"}}});
    let answer = ask(ready(), &nothing).await;
    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, json!({"output": {"parameters": []}}))
    );
    for (state, message) in [
        (State::Syncing, "the fleet is not synced yet"),
        (
            State::Empty,
            "the fleet is empty: no cluster Secret in the Argo CD namespace",
        ),
    ] {
        let answer = ask(state, &nothing).await;
        assert_eq!(
            (answer.status, answer.message()),
            (StatusCode::SERVICE_UNAVAILABLE, message)
        );
    }
}

#[tokio::test]
async fn bad_input_is_named_whatever_the_fleet() {
    for (parameters, expected) in [
        (json!({}), "\"generate\" is missing"),
        (
            json!({"generate": "clusters", "selectr": {}}),
            "unknown input parameter \"selectr\"",
        ),
        (
            json!({"generate": "clusters", "selector": {"matchLabels": {"a b": "c"}}}),
            "\"selector\" cannot be used: ",
        ),
        (json!({"generate": "clusters", "flatList": "yes"}), "\"flatList\""),
        (
            json!({"generate": "clusters", "fields": ["config"]}),
            "\"fields\"",
        ),
    ] {
        for state in [ready(), State::Syncing] {
            let answer = ask(state, &parameters).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{parameters}");
            assert!(
                answer.message().contains(expected),
                "{parameters}: {}",
                answer.message()
            );
        }
    }
}

#[tokio::test]
async fn who_may_not_ask_is_told_so_before_anything_is_read() {
    let unknown = "the bearer token is missing or unknown";
    for (authorization, expected) in [
        ("", unknown),
        ("Bearer", unknown),
        ("Bearer ", unknown),
        ("Bearer wrong", unknown),
        ("Bearer right2", unknown),
        ("Basic right", unknown),
        ("right", unknown),
        (
            "Bearer $bridge-generator-token:token",
            "the key it names is missing in the Secret",
        ),
    ] {
        let answer = send(
            router(service(ready())),
            request(Method::POST, PATH, authorization, "{"),
        )
        .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{authorization}");
        assert!(
            answer.message().contains(expected),
            "{authorization}: {}",
            answer.message()
        );
        assert!(!answer.message().contains("right"), "{}", answer.message());
    }
    for authorization in ["Bearer right", "bearer  right ", "BEARER right"] {
        let body = call("addons", &json!({"generate": "clusters"}));
        let answer = send(
            router(service(ready())),
            request(Method::POST, PATH, authorization, body),
        )
        .await;
        assert_eq!(answer.status, StatusCode::OK, "{authorization}");
    }
}

#[tokio::test]
async fn other_doors_are_closed() {
    for (method, path, status) in [
        (Method::GET, PATH, StatusCode::METHOD_NOT_ALLOWED),
        (Method::PUT, PATH, StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, "/", StatusCode::NOT_FOUND),
        (Method::POST, "/x/api/v1/getparams.execute", StatusCode::NOT_FOUND),
        (Method::POST, "/api/v1/getparams.execute/", StatusCode::NOT_FOUND),
        (Method::GET, "/metrics", StatusCode::NOT_FOUND),
    ] {
        let answer = send(
            router(service(ready())),
            request(method.clone(), path, "Bearer right", "{}"),
        )
        .await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(
            answer.message().contains("POST"),
            "{method} {path}: {}",
            answer.message()
        );
    }
}

#[tokio::test]
async fn bodies_that_argo_cd_does_not_send() {
    let large = format!("{{\"applicationSetName\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("{", StatusCode::BAD_REQUEST),
        ("[]", StatusCode::BAD_REQUEST),
        ("{\"input\":{\"parameters\":[]}}", StatusCode::BAD_REQUEST),
        (
            "{\"applicationSetName\":\"a\",\"input\":{}}",
            StatusCode::BAD_REQUEST,
        ),
        (large.as_str(), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = send(
            router(service(ready())),
            request(Method::POST, PATH, "Bearer right", body.to_owned()),
        )
        .await;
        let shown = &body[..body.len().min(40)];
        assert_eq!(answer.status, status, "{shown}");
        assert!(
            !answer.message().is_empty() && answer.message().len() < 200,
            "{shown}"
        );
    }
    // Without a length, too.
    let chunks = futures::stream::iter((0..3).map(|_| Ok::<_, std::io::Error>("x".repeat(512 * 1024))));
    let endless = request(Method::POST, PATH, "Bearer right", Body::from_stream(chunks));
    assert_eq!(
        send(router(service(ready())), endless).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn requests_are_counted_under_names_that_exist() {
    let service = service(ready());
    service.answered.exist(["addons".to_owned()].into());
    for name in ["addons", "addons", "made-up-1", "made-up-2"] {
        let body = call(name, &json!({"generate": "clusters"}));
        send(
            router(Arc::clone(&service)),
            request(Method::POST, PATH, "Bearer right", body),
        )
        .await;
    }
    send(
        router(Arc::clone(&service)),
        request(Method::POST, PATH, "Bearer wrong", call("addons", &json!({}))),
    )
    .await;
    let metrics = service.metrics.text(&service.view, &[]).unwrap();
    for line in [
        "bridge_generator_requests_total{code=\"200\",applicationset=\"addons\"} 2",
        "bridge_generator_requests_total{code=\"200\",applicationset=\"other\"} 2",
        "bridge_generator_requests_total{code=\"401\",applicationset=\"other\"} 1",
        "bridge_generator_clusters 2",
        "bridge_generator_request_duration_seconds_count 5",
    ] {
        assert!(
            metrics.lines().any(|have| have == line),
            "{line} is not in\n{metrics}"
        );
    }
    assert!(!metrics.contains("made-up"), "{metrics}");
    let State::Ready(another) = ready() else { panic!() };
    assert!(service.answered.before("addons", &another).is_some());
}
