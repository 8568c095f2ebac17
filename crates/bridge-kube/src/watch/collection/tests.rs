use super::*;
use kube::client::Body;
use serde_json::Value;

fn read(line: &str, version: &mut String) -> Result<Option<Change<Value>>, Failure> {
    change(line.as_bytes(), version)
}

/// An API server that gives these answers, one a request, and then hangs. Tells the queries that it got.
async fn serve(answers: Vec<(u16, &'static str)>) -> (Vec<String>, Vec<String>) {
    let (service, mut handle) = tower_test::mock::pair::<http::Request<Body>, http::Response<Body>>();
    let collection = Collection {
        client: Client::new(service, "argocd"),
        path: "/secrets".to_owned(),
        label_selector: Some("a=b"),
        what: "test",
        pace: Pace::for_staleness(Duration::from_secs(3)),
        restarts: Restarts::default(),
    };
    let (out, mut changes) = mpsc::channel(100);
    let follow = tokio::spawn(collection.follow::<Value>(out));
    let mut queries = Vec::new();
    for (status, body) in answers {
        let (request, send) = handle.next_request().await.unwrap();
        queries.push(request.uri().query().unwrap_or_default().to_owned());
        let body = Body::from(body.as_bytes().to_vec());
        send.send_response(http::Response::builder().status(status).body(body).unwrap());
    }
    let (last, _) = handle.next_request().await.unwrap();
    queries.push(last.uri().query().unwrap_or_default().to_owned());
    follow.abort();
    let mut seen = Vec::new();
    while let Ok(change) = changes.try_recv() {
        seen.push(match change {
            Change::Reset(items) => {
                format!("reset {}", items.iter().map(name).collect::<Vec<_>>().join(","))
            }
            Change::Set(item) => format!("set {}", name(&item)),
            Change::Gone(item) => format!("gone {}", name(&item)),
            Change::Alive => "alive".to_owned(),
        });
    }
    (queries, seen)
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

const FIRST: &str =
    r#"{"metadata":{"resourceVersion":"5","continue":"more"},"items":[{"metadata":{"name":"a"}}]}"#;
const SECOND: &str = r#"{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"b"}}]}"#;
const PROOF: &str = r#"{"metadata":{"resourceVersion":"5"},"items":[]}"#;
const BUSY: &str =
    r#"{"kind":"Status","status":"Failure","code":429,"reason":"TooManyRequests","message":"later"}"#;
const GONE: &str =
    r#"{"kind":"Status","status":"Failure","code":410,"reason":"Expired","message":"too old"}"#;

#[tokio::test(start_paused = true)]
async fn a_list_is_complete_or_nothing() {
    let (queries, seen) = serve(vec![
        (200, FIRST),
        (410, GONE),
        (200, FIRST),
        (200, SECOND),
        (200, PROOF),
    ])
    .await;
    assert_eq!(seen, ["reset a,b"]);
    assert!(
        queries[0].contains("limit=250") && queries[0].contains("labelSelector=a%3Db"),
        "{queries:?}"
    );
    assert!(
        queries[1].contains("continue=more") && !queries[2].contains("continue"),
        "{queries:?}"
    );
    assert!(
        queries[4].ends_with("limit=1") && queries[4].contains("labelSelector=a%3Db"),
        "{queries:?}"
    );
    let watch = &queries[5];
    for part in [
        "watch=true",
        "timeoutSeconds=1",
        "allowWatchBookmarks=true",
        "labelSelector=a%3Db",
        "resourceVersion=5",
    ] {
        assert!(watch.contains(part), "{part} is not in {watch}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_it_was_and_an_expired_one_lists_again() {
    let events = concat!(
        r#"{"type":"MODIFIED","object":{"metadata":{"name":"b","resourceVersion":"6"}}}"#,
        "\n",
        r#"{"type":"DELETED","object":{"metadata":{"name":"b","resourceVersion":"7"}}}"#,
        "\n",
        r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#,
        "\n",
        r#"{"type":"ADDED","object":{"meta"#,
    );
    let expired = concat!(
        r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#,
        "\n"
    );
    let (queries, seen) = serve(vec![
        (200, SECOND),
        (200, PROOF),
        (200, events),
        (200, PROOF),
        (200, expired),
        (200, SECOND),
        (200, PROOF),
        (429, BUSY),
        (200, PROOF),
        (500, GONE),
    ])
    .await;
    assert_eq!(
        seen,
        ["reset b", "alive", "set b", "gone b", "alive", "reset b"],
        "a bookmark proves nothing"
    );
    assert!(queries[4].contains("resourceVersion=9"), "{queries:?}");
    assert!(
        !queries[5].contains("watch=true") && !queries[5].contains("resourceVersion"),
        "{queries:?}"
    );
    // Too many requests are no reason for a larger one.
    assert!(
        queries[7].contains("resourceVersion=5") && queries[9].contains("resourceVersion=5"),
        "{queries:?}"
    );
    // A refused watch is no reason to trust the version.
    assert!(queries[10].contains("limit=250"), "{queries:?}");
}

#[tokio::test(start_paused = true)]
async fn without_etcd_there_is_no_proof_of_life() {
    let timeout = r#"{"kind":"Status","status":"Failure","code":504,"reason":"Timeout","message":"etcdserver: request timed out"}"#;
    let (queries, seen) = serve(vec![
        (200, SECOND),
        (504, timeout),
        (504, timeout),
        (504, timeout),
    ])
    .await;
    assert_eq!(seen, ["reset b"]);
    assert!(
        queries[2..].iter().all(|query| query.contains("limit=250")),
        "{queries:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cuts_watches_short_does_not_make_an_old_list_look_new() {
    let (queries, seen) = serve(vec![(200, SECOND), (200, PROOF), (200, ""), (200, SECOND)]).await;
    assert_eq!(seen, ["reset b", "alive", "reset b"]);
    assert!(queries[3].contains("limit=250"), "{queries:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_list_is_no_empty_one() {
    let status = r#"{"kind":"Status","metadata":{},"status":"Success"}"#;
    let (_, seen) = serve(vec![(200, status), (200, "{}"), (200, ""), (200, SECOND)]).await;
    assert_eq!(seen, ["reset b"]);
}

#[test]
fn events_move_the_version_on() {
    let mut version = "1".to_owned();
    let added = read(
        r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"2"}}}"#,
        &mut version,
    );
    assert!(matches!(added, Ok(Some(Change::Set(object))) if object["metadata"]["name"] == "a"));
    let bookmark = read(
        r#"{"type":"BOOKMARK","object":{"kind":"Secret","metadata":{"resourceVersion":"7"}}}"#,
        &mut version,
    );
    assert!(matches!(bookmark, Ok(None)));
    assert_eq!(version, "7");
}

#[test]
fn an_expired_version_needs_a_list_and_a_broken_line_shows_nothing_of_itself() {
    let mut version = "1".to_owned();
    let expired = read(
        r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#,
        &mut version,
    );
    let failure = expired.unwrap_err();
    assert!(
        failure.needs_list() && failure.text().contains("410 Expired"),
        "{failure}"
    );
    let broken = read(r#"{"type":"hunter2","object":"hunter2"}"#, &mut version).unwrap_err();
    assert!(!broken.text().contains("hunter2"), "{}", broken.text());
    assert_eq!(version, "1");
}

#[test]
fn the_pace_leaves_room_for_a_renewal_that_fails() {
    for seconds in [3, 10, 120, 3600] {
        let limit = Duration::from_secs(seconds);
        let pace = Pace::for_staleness(limit);
        assert!(
            (pace.watch + pace.grace) * 2 <= limit.max(Duration::from_secs(3)),
            "{pace:?} for {limit:?}"
        );
    }
}
