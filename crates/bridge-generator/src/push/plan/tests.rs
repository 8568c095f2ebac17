use super::*;
use bridge_core::keys;
use serde_json::json;

const A: &str = "aaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbb";
const C: &str = "cccccccccccccccc";

fn set(version: u32, refresh: Option<&str>, error: Option<&str>) -> Arc<ApplicationSet> {
    let mut value = json!({
        "metadata": {"namespace": "argocd", "name": "addons", "resourceVersion": version.to_string(), "annotations": {}},
        "spec": {"generators": []},
    });
    if let Some(refresh) = refresh {
        value["metadata"]["annotations"][keys::REFRESH] = refresh.into();
    }
    if let Some(error) = error {
        value["status"] = json!({"conditions": [{"type": "ErrorOccurred", "status": "True", "reason": "x", "message": error}]});
    }
    Arc::new(ApplicationSet::from_json(&value).unwrap())
}

/// A plan with one ApplicationSet, and a clock of its own.
struct Scene {
    plan: Plan,
    now: Instant,
    answered: Option<Instant>,
}

impl Scene {
    /// An ApplicationSet that has been there, on the fleet `A`.
    fn new() -> Self {
        let mut scene = Self {
            plan: Plan::default(),
            now: Instant::now() + Duration::from_hours(1),
            answered: None,
        };
        scene
            .plan
            .seen(&key(), set(1, None, None), Some(A.to_owned()), scene.now);
        assert_eq!(scene.pushes(), [""; 0], "the first sight is no change");
        scene
    }

    fn after(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        self
    }

    fn fleet(&mut self, fingerprint: &str) -> &mut Self {
        self.plan
            .aim(&key(), fingerprint.to_owned(), self.now, self.answered);
        self
    }

    fn seen(&mut self, version: u32, refresh: Option<&str>, error: Option<&str>) -> &mut Self {
        self.plan
            .seen(&key(), set(version, refresh, error), None, self.now);
        self
    }

    fn sent(&mut self, outcome: &Outcome) -> &mut Self {
        self.plan.sent(&key(), outcome, self.now);
        self
    }

    /// `mark@version` of each push that is due.
    fn pushes(&mut self) -> Vec<String> {
        let push = |push: Push| format!("{}@{}", push.mark, push.version.unwrap_or_default());
        self.plan.due(self.now, 10).into_iter().map(push).collect()
    }

    /// How long until the next push, and that push.
    fn next_push(&mut self) -> (Duration, String) {
        let start = self.now;
        for _ in 0..10 {
            let wake = self.plan.wake(self.now).expect("something is planned");
            self.now += wake;
            if let Some(push) = self.pushes().pop() {
                return (self.now - start, push);
            }
        }
        panic!("nothing is pushed");
    }

    fn quiet(&mut self) {
        assert_eq!(self.plan.wake(self.now), None, "{:?}", self.plan);
        assert_eq!(self.plan.waiting(), 0);
    }
}

fn key() -> Key {
    ("argocd".to_owned(), "addons".to_owned())
}

#[test]
fn a_change_is_pushed_once_and_at_once() {
    let mut scene = Scene::new();
    scene.fleet(A).quiet();
    assert_eq!(scene.fleet(B).pushes(), [format!("{B}.1@1")]);
    scene
        .after(5)
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{B}.1")), None);
    assert_eq!(scene.plan.waiting(), 1);
    scene.after(50).seen(3, None, None).quiet();
    scene.fleet(B).quiet();
}

#[test]
fn the_watch_may_be_faster_than_the_answer() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    scene.seen(2, Some(&format!("{B}.1")), None).seen(3, None, None);
    scene.sent(&Outcome::Written).quiet();
}

#[test]
fn a_flip_there_and_back_is_pushed_both_times_with_new_values() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    // Back again while the first patch is on its way: the controller may have read B.
    scene
        .fleet(A)
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{B}.1")), None);
    let (pause, push) = scene.next_push();
    assert_eq!(push, format!("{A}.1@2"));
    assert!(pause <= Duration::from_millis(250), "{pause:?}");
    scene
        .sent(&Outcome::Written)
        .seen(3, Some(&format!("{A}.1")), None);
    // Still there, not taken, and A comes round again: A.1 once more would not be noticed.
    scene.after(1000).fleet(B);
    assert_eq!(scene.pushes(), [format!("{B}.1@3")]);
    scene.fleet(A).sent(&Outcome::Conflict);
    let (_, push) = scene.next_push();
    assert_eq!(push, format!("{A}.2@3"));
}

#[test]
fn fast_changes_are_gathered() {
    let mut scene = Scene::new();
    assert_eq!(scene.fleet(B).pushes().len(), 1);
    scene
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{B}.1")), None)
        .after(20)
        .seen(3, None, None);
    for fingerprint in [A, B, C] {
        scene.after(10).fleet(fingerprint);
        assert_eq!(scene.pushes(), [""; 0]);
    }
    let (pause, push) = scene.next_push();
    assert_eq!(push, format!("{C}.1@3"));
    assert!(pause <= Duration::from_millis(200), "{pause:?}");
}

#[test]
fn what_is_not_taken_is_pushed_again_more_and_more_seldom() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    let mut pauses = Vec::new();
    for attempt in 1..9 {
        scene
            .sent(&Outcome::Written)
            .seen(attempt + 1, Some(&format!("{B}.{attempt}")), None);
        let (pause, push) = scene.next_push();
        assert_eq!(push, format!("{B}.{}@{}", attempt + 1, attempt + 1));
        pauses.push(pause.as_secs());
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 600, 600]);
}

#[test]
fn an_error_that_stays_is_not_hammered_on() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    scene
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{B}.1")), Some("template: missing key"));
    let (pause, _) = scene.next_push();
    assert_eq!(pause.as_secs(), 60);
}

#[test]
fn a_cluster_that_the_controller_does_not_know_yet_is_tried_again_and_not_for_ever() {
    let unknown = Some("error: there are no clusters with this name: dev");
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    scene
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{B}.1")), None);
    let mut version = 2;
    let mut pauses = Vec::new();
    loop {
        version += 2;
        scene
            .seen(version, Some(&format!("{B}.{}", version / 2 - 1)), unknown)
            .seen(version + 1, None, unknown);
        if scene.plan.wake(scene.now).is_none() {
            break;
        }
        let (pause, push) = scene.next_push();
        assert!(push.ends_with(&format!("@{}", version + 1)), "{push}");
        pauses.push(pause.as_secs());
        scene.sent(&Outcome::Written);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30]);
    scene.quiet();
    // A new change is a new chance.
    assert_eq!(scene.after(1000).fleet(C).pushes().len(), 1);
}

#[test]
fn a_lag_that_is_over_needs_no_push() {
    let unknown = Some("there are no clusters with this name: dev");
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    scene
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{B}.1")), unknown)
        .seen(3, None, unknown);
    assert_eq!(scene.plan.waiting(), 1);
    scene.seen(4, None, None).quiet();
}

#[test]
fn of_two_replicas_the_one_that_loses_lets_it_be() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    scene.sent(&Outcome::Conflict);
    assert_eq!(scene.pushes(), [""; 0]);
    scene.after(3).seen(2, Some(&format!("{B}.1")), None);
    assert_eq!(scene.pushes(), [""; 0]);
    scene.after(50).seen(3, None, None).quiet();
}

#[test]
fn the_watch_may_tell_of_the_other_replica_before_the_conflict_does() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    scene.seen(2, Some(&format!("{B}.1")), None).seen(3, None, None);
    scene.sent(&Outcome::Conflict).quiet();
}

#[test]
fn a_conflict_with_anybody_else_is_tried_again_on_what_the_watch_tells() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    scene.sent(&Outcome::Conflict).after(3).seen(2, None, None);
    let (_, push) = scene.next_push();
    assert_eq!(push, format!("{B}.2@2"));
    // And when the watch tells nothing.
    scene.sent(&Outcome::Conflict);
    let (pause, push) = scene.next_push();
    assert_eq!((pause.as_secs(), push), (1, format!("{B}.3@2")));
}

#[test]
fn a_replica_that_is_late_does_not_push_what_was_pushed() {
    let mut scene = Scene::new();
    scene
        .seen(2, Some(&format!("{B}.1")), None)
        .after(40)
        .seen(3, None, None);
    scene.after(100).fleet(B).quiet();
    // The next change is its own again.
    assert_eq!(scene.fleet(A).pushes().len(), 1);
}

#[test]
fn unless_it_gave_the_old_answer_itself() {
    let mut scene = Scene::new();
    scene.seen(2, Some(&format!("{B}.1")), None).after(20);
    scene.answered = Some(scene.now);
    scene.after(20).seen(3, None, None);
    let pushes = scene.after(100).fleet(B).pushes();
    assert_eq!(pushes, [format!("{B}.2@3")]);
}

#[test]
fn an_old_answer_a_moment_ago_is_not_made_good_by_another_replicas_push() {
    let mut scene = Scene::new();
    scene.answered = Some(scene.now);
    assert_eq!(scene.after(10).fleet(B).pushes(), [format!("{B}.1@1")]);
    scene
        .sent(&Outcome::Conflict)
        .seen(2, Some(&format!("{B}.1")), None);
    let (_, push) = scene.next_push();
    assert_eq!(push, format!("{B}.2@2"));
}

#[test]
fn another_spec_is_not_pushed() {
    let mut scene = Scene::new();
    scene
        .plan
        .seen(&key(), set(2, None, None), Some(C.to_owned()), scene.now);
    scene.quiet();
    assert_eq!(scene.fleet(B).pushes().len(), 1);
}

#[test]
fn a_start_takes_over_what_is_there() {
    let mut plan = Plan::default();
    let now = Instant::now();
    plan.seen(&key(), set(1, Some(&format!("{A}.4")), None), None, now);
    plan.aim(&key(), A.to_owned(), now, None);
    assert_eq!(plan.waiting(), 1);
    let later = now + Duration::from_secs(11);
    assert_eq!(plan.due(later, 10)[0].mark.to_string(), format!("{A}.5"));
}

#[test]
fn a_refusal_stops_the_pushes_of_one_set_for_a_while() {
    let mut scene = Scene::new();
    let other: Key = ("team-a".to_owned(), "addons".to_owned());
    scene
        .plan
        .seen(&other, set(1, None, None), Some(A.to_owned()), scene.now);
    scene.fleet(B).pushes();
    scene.sent(&Outcome::Refused("no".to_owned()));
    // Another change is no reason to think that it is allowed now; and it is news for the others.
    scene.fleet(C);
    scene.plan.aim(&other, C.to_owned(), scene.now, None);
    assert_eq!(scene.after(300).pushes(), [format!("{C}.1@1")]);
    scene.plan.sent(&other, &Outcome::Written, scene.now);
    scene
        .plan
        .seen(&other, set(2, Some(&format!("{C}.1")), None), None, scene.now);
    scene.plan.seen(&other, set(3, None, None), None, scene.now);
    scene.now -= Duration::from_millis(300);
    let (pause, _) = scene.next_push();
    assert_eq!(pause.as_secs(), 30);
    scene.sent(&Outcome::Refused("no".to_owned()));
    assert_eq!(scene.next_push().0.as_secs(), 60);
    scene
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{C}.2")), None)
        .seen(3, None, None)
        .quiet();
    // It is allowed now.
    assert_eq!(scene.after(1000).fleet(A).pushes().len(), 1);
}

#[test]
fn failures_back_off() {
    let mut scene = Scene::new();
    scene.fleet(B).pushes();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        scene.sent(&Outcome::Failed("no answer".to_owned()));
        pauses.push(scene.next_push().0.as_millis());
    }
    assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    scene.sent(&Outcome::Gone).quiet();
}

#[test]
fn who_was_refused_while_there_was_no_fleet_is_woken() {
    let mut scene = Scene::new();
    scene.seen(
        2,
        None,
        Some("error get api 'x': API error with status code 503: the fleet is stale"),
    );
    scene.plan.revive(scene.now);
    assert_eq!(scene.pushes(), [format!("{A}.1@2")]);
    let mut other = Scene::new();
    other.seen(2, None, Some("template: missing key"));
    other.plan.revive(other.now);
    other.quiet();
    // Nobody was there at all.
    let mut plan = Plan::default();
    let nobody = Some("error get api 'x': dial tcp 10.0.0.1:80: connect: connection refused");
    plan.seen(&key(), set(1, None, nobody), Some(A.to_owned()), other.now);
    assert_eq!(plan.due(other.now, 10).len(), 1);
}

#[test]
fn who_is_seen_to_be_refused_only_after_the_fleet_is_back_is_woken_once() {
    let refused = Some("error get api 'x': API error with status code 503: the fleet is not synced yet");
    let mut scene = Scene::new();
    scene.plan.revive(scene.now);
    assert_eq!(
        scene.after(50).seen(2, None, refused).pushes(),
        [format!("{A}.1@2")]
    );
    let mark = format!("{A}.1");
    scene.sent(&Outcome::Written).seen(3, Some(&mark), refused);
    assert_eq!(scene.after(1000).pushes(), [""; 0]);
    scene.seen(4, None, None).quiet();
    // Long after, it is somebody else's matter.
    scene.after(60_000).seen(5, None, refused).quiet();
}

#[test]
fn an_answer_that_was_overtaken_before_the_set_was_known_is_made_good() {
    let mut scene = Scene::new();
    scene.plan.overtaken(&key(), scene.now);
    assert_eq!(scene.pushes(), [format!("{A}.1@1")]);
    // What is on its way already will be read.
    scene.plan.overtaken(&key(), scene.now);
    scene
        .sent(&Outcome::Written)
        .seen(2, Some(&format!("{A}.1")), None);
    scene.plan.overtaken(&key(), scene.now);
    scene.seen(3, None, None).quiet();
}

#[test]
fn a_large_hub_is_pushed_at_a_steady_rate() {
    let mut plan = Plan::default();
    let now = Instant::now();
    let keys: Vec<Key> = (0..100).map(|n| ("argocd".to_owned(), n.to_string())).collect();
    for key in &keys {
        plan.seen(key, set(1, None, None), Some(A.to_owned()), now);
        plan.aim(key, B.to_owned(), now, None);
    }
    assert_eq!(plan.due(now, 1000).len(), 40);
    assert_eq!(plan.due(now + Duration::from_millis(20), 1000).len(), 0);
    assert!(plan.wake(now + Duration::from_millis(20)).unwrap() > Duration::ZERO);
    assert_eq!(plan.due(now + Duration::from_secs(1), 1000).len(), 20);
}
