//! Each case is a manifest before and after, compared byte for byte.

use std::fmt::Write as _;

use super::*;

const LABELS: &[&str] = &["metadata", "labels"];
const ANNOTATIONS: &[&str] = &["metadata", "annotations"];

fn set(key: &str, value: &str) -> Edit {
    Edit {
        path: LABELS,
        key: key.into(),
        value: Some(value.into()),
    }
}

fn unset(key: &str) -> Edit {
    Edit {
        path: LABELS,
        key: key.into(),
        value: None,
    }
}

#[track_caller]
fn becomes(before: &str, edits: &[Edit], after: &str) {
    let edited = edit(before, edits).unwrap();
    assert_eq!(edited, after, "\n--- got\n{edited}\n--- wanted\n{after}");
    // The same with Windows line ends, and without a line end at the end of the file.
    let windows = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(edit(&windows(before), edits).unwrap(), windows(after), "CRLF");
    let bare = |text: &str| text.strip_suffix('\n').unwrap_or(text).to_owned();
    assert_eq!(edit(&bare(before), edits).unwrap(), bare(after), "no line end");
}

#[test]
fn a_value_changes_in_its_own_style() {
    becomes(
        "# a fleet\nkind: Secret\nmetadata:\n  name: dev # short\n  labels:\n    # addons\n    a: plain   # why\n    b: 'single'\n    c: \"double\"\n    \"quoted.key\": x\n\nstringData:\n  name: dev\n",
        &[
            set("a", "true"),
            set("b", "it's"),
            set("c", "1.10"),
            set("quoted.key", "y"),
        ],
        "# a fleet\nkind: Secret\nmetadata:\n  name: dev # short\n  labels:\n    # addons\n    a: \"true\"   # why\n    b: 'it''s'\n    c: \"1.10\"\n    \"quoted.key\": \"y\"\n\nstringData:\n  name: dev\n",
    );
}

#[test]
fn a_new_key_goes_to_its_sorted_place_or_the_end() {
    becomes(
        "metadata:\n  labels:\n    a: x\n    # on c\n    c: x\n  name: dev\n",
        &[set("b", "true"), set("d", "x")],
        "metadata:\n  labels:\n    a: x\n    b: \"true\"\n    # on c\n    c: x\n    d: x\n  name: dev\n",
    );
    becomes(
        "metadata:\n  labels: # all\n    # on b\n    b: 'true'\n    c: x\n",
        &[set("a", "false")],
        "metadata:\n  labels: # all\n    a: 'false'\n    # on b\n    b: 'true'\n    c: x\n",
    );
    becomes(
        "metadata:\n  labels:\n      z: x\n      a: x # last\n\n  # end\n  name: dev\n",
        &[set("m", "x")],
        "metadata:\n  labels:\n      z: x\n      a: x # last\n      m: x\n\n  # end\n  name: dev\n",
    );
}

#[test]
fn a_key_goes_with_its_line_and_nothing_else() {
    becomes(
        "metadata:\n  labels:\n    a: x\n    # on b\n    b: |\n      long\n      text\n    c: x # c\n    d: x\n",
        &[unset("b"), unset("c"), unset("gone")],
        "metadata:\n  labels:\n    a: x\n    # on b\n    d: x\n",
    );
    becomes(
        "metadata:\n  labels:\n    a: x\n    z: x\n",
        &[unset("z")],
        "metadata:\n  labels:\n    a: x\n",
    );
    becomes(
        "metadata:\n  name: dev\n  labels:\n    a: x\n",
        &[unset("a")],
        "metadata:\n  name: dev\n  labels:\n",
    );
}

#[test]
fn a_mapping_that_is_missing_or_empty_is_made() {
    becomes(
        "metadata:\n  name: dev\nkind: Secret\n",
        &[set("a", "true"), set("b", "x")],
        "metadata:\n  labels:\n    a: \"true\"\n    b: x\n  name: dev\nkind: Secret\n",
    );
    becomes(
        "metadata:\n    name: dev\n    labels: # none yet\n    other: x\n",
        &[set("a", "x")],
        "metadata:\n    name: dev\n    labels: # none yet\n        a: x\n    other: x\n",
    );
    becomes(
        "metadata:\n  labels: {}\n  name: dev\n",
        &[set("a", "x"), set("b", "y")],
        "metadata:\n  labels:\n    a: x\n    b: \"y\"\n  name: dev\n",
    );
    becomes(
        "metadata:\n  labels: ~ # none\n  name: dev\n",
        &[set("a", "x")],
        "metadata:\n  labels: {a: x} # none\n  name: dev\n",
    );
    becomes(
        "metadata:\n  labels: {} # none\n",
        &[set("a", "x")],
        "metadata:\n  labels: {a: x} # none\n",
    );
}

#[test]
fn flow_mappings_and_json_stay_what_they_are() {
    becomes(
        "metadata: {name: dev, labels: {a: x, \"b\": 'y'}}\n",
        &[set("a", "true"), set("b", "n"), set("c", "x")],
        "metadata: {name: dev, labels: {a: \"true\", \"b\": 'n', c: x}}\n",
    );
    becomes(
        "metadata: {name: dev}\n",
        &[set("c", "x")],
        "metadata: {name: dev, labels: {c: x}}\n",
    );
    becomes(
        "metadata:\n  labels: { a: x, b: y, c: z, }\n",
        &[unset("a"), unset("c")],
        "metadata:\n  labels: { b: y, }\n",
    );
    becomes(
        "metadata:\n  labels: {a: x}\n",
        &[unset("a")],
        "metadata:\n  labels: {}\n",
    );
    becomes(
        "{\"metadata\": {\"labels\": {\"a\": \"x\"}, \"annotations\": null}}\n",
        &[
            set("b", "x"),
            Edit {
                path: ANNOTATIONS,
                key: "k".into(),
                value: Some("v".into()),
            },
        ],
        "{\"metadata\": {\"labels\": {\"a\": \"x\", \"b\": \"x\"}, \"annotations\": {\"k\": \"v\"}}}\n",
    );
}

#[test]
fn block_scalars_null_values_and_aliases_are_replaced_whole() {
    becomes(
        "x: &base dev\nmetadata:\n  labels:\n    a: *base\n    b:\n    c: >-\n      folded\n      text\n\n    d: ~\n",
        &[set("a", "x"), set("b", "x"), set("c", "one"), set("d", "x")],
        "x: &base dev\nmetadata:\n  labels:\n    a: x\n    b: x\n    c: |-\n      one\n\n    d: x\n",
    );
    becomes(
        "metadata:\n  labels:\n    a: x\nstringData:\n  config: |\n    {\"a\": 1}\n  name: dev\n",
        &[Edit {
            path: &["stringData"],
            key: "config".into(),
            value: Some("{\"b\":\n 2}".into()),
        }],
        "metadata:\n  labels:\n    a: x\nstringData:\n  config: |-\n    {\"b\":\n     2}\n  name: dev\n",
    );
}

#[test]
fn what_cannot_be_done_exactly_is_refused() {
    // The anchor's other uses would change with it.
    let shared = "metadata:\n  labels:\n    a: &v x\n    b: *v\n";
    assert_eq!(
        edit(shared, &[set("a", "z")]),
        Err(EditError::Mismatch("a".into()))
    );
    // What a merge brought in cannot be taken out.
    let merged = "base: &base {a: x}\nmetadata:\n  labels:\n    <<: *base\n    b: x\n";
    if parse_all(merged).unwrap()[0]["metadata"]["labels"]["a"] == "x" {
        assert_eq!(edit(merged, &[unset("a")]), Err(EditError::Mismatch("a".into())));
    }
    let aliased = "base: &base {a: x}\nmetadata:\n  labels: *base\n";
    assert!(matches!(
        edit(aliased, &[set("a", "y")]),
        Err(EditError::Unsupported { line: 3, .. })
    ));
    let several = "metadata: {labels: {a: x}}\n---\nmetadata: {}\n";
    assert_eq!(edit(several, &[set("a", "y")]), Err(EditError::Several));
    let nested = "metadata:\n  labels:\n    a:\n      b: c\n";
    assert!(matches!(
        edit(nested, &[set("a", "y")]),
        Err(EditError::Unsupported { line: 4, .. })
    ));
    let broken = "metadata:\n  labels:\n    a: [planted\n";
    let error = edit(broken, &[set("a", "y")]).unwrap_err();
    assert!(matches!(error, EditError::Syntax { .. }) && !format!("{error} {error:?}").contains("planted"));
    let odd = "metadata:\n  ? labels\n  : {a: x}\n";
    assert_eq!(
        edit(odd, &[set("a", "y")]).unwrap(),
        "metadata:\n  ? labels\n  : {a: \"y\"}\n"
    );
}

#[test]
fn document_marks_and_foreign_text_stay() {
    becomes(
        "%YAML 1.2\n---\n# Größe: ünïcode ✓\nmetadata:\n  labels:\n    a: x # ✓\n...\n",
        &[set("b", "x"), set("a", "ä")],
        "%YAML 1.2\n---\n# Größe: ünïcode ✓\nmetadata:\n  labels:\n    a: \"ä\" # ✓\n    b: x\n...\n",
    );
}

#[test]
fn many_edits_of_awkward_values_hold_what_was_meant() {
    let before = "metadata:\n  name: dev\n  labels:\n    keep: \"1\"\n  annotations: {}\n";
    let values = [
        "", " ", "a: b", "# no", "- x", "1.10", "on", "a\nb", "'", "\"", "\\", "{{x}}", "✓", "*a", "&a",
        "!t", "%", "@", "`",
    ];
    let edits: Vec<Edit> = values
        .iter()
        .enumerate()
        .map(|(at, value)| Edit {
            path: ANNOTATIONS,
            key: format!("k{at}"),
            value: Some((*value).to_owned()),
        })
        .collect();
    let after = edit(before, &edits).unwrap();
    let back = parse_all(&after).unwrap();
    for (at, value) in values.iter().enumerate() {
        assert_eq!(back[0]["metadata"]["annotations"][format!("k{at}")], *value);
    }
}

/// A small generator of numbers, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// A manifest in many hands' styles, its comments marked.
fn manifest(dice: &mut Dice, keys: &[&str]) -> String {
    let mut mark = 0;
    let mut comment = |dice: &mut Dice, indent: usize| {
        mark += 1;
        match dice.roll(4) {
            0 => format!("{}# mark {mark}: [not: {{yaml\n", " ".repeat(indent)),
            1 => "\n".to_owned(),
            _ => String::new(),
        }
    };
    let mut text = dice.pick(&["", "---\n", "# head\n---\n"]).to_owned();
    text.push_str("kind: Secret\nmetadata:\n");
    let unit = 2 + 2 * dice.roll(2);
    for section in ["labels", "annotations"] {
        text.push_str(&comment(dice, unit));
        if dice.roll(5) == 0 {
            continue;
        }
        let head = dice.pick(&["", " # mark s", "  "]);
        writeln!(text, "{}{section}:{head}", " ".repeat(unit)).unwrap();
        for key in keys {
            text.push_str(&comment(dice, 2 * unit));
            if dice.roll(3) == 0 {
                continue;
            }
            let key = dice
                .pick(&[*key, &format!("'{key}'"), &format!("\"{key}\"")])
                .to_owned();
            let margin = " ".repeat(2 * unit);
            let deeper = " ".repeat(3 * unit);
            let value = match dice.roll(9) {
                0 => "plain".to_owned(),
                1 => "'it''s'".to_owned(),
                2 => "\"a \\\"b\\\" # c\"".to_owned(),
                3 => format!("|\n{deeper}one\n\n{deeper}two"),
                4 => format!(">-  # mark f\n{deeper}folded\n{deeper}text"),
                5 => format!("\n{deeper}next-line"),
                6 => format!("\"long\n{deeper}quoted\""),
                7 => "&a anchored".to_owned(),
                _ => "x   # mark v".to_owned(),
            };
            writeln!(text, "{margin}{key}: {value}").unwrap();
        }
    }
    writeln!(text, "{}name: dev # mark n", " ".repeat(unit)).unwrap();
    text.push_str(dice.pick(&[
        "",
        "# mark end\n",
        "stringData:\n  config: |\n    {\"a\": 1}\n\n\n",
    ]));
    if dice.roll(4) == 0 {
        text.pop();
    }
    if dice.roll(3) == 0 {
        text = text.replace('\n', "\r\n");
    }
    text
}

#[test]
fn random_edits_of_random_manifests_lose_no_comment_and_no_line_end() {
    let keys = ["a", "b.c/d", "enable_x", "on", "zz"];
    let values = [
        "true",
        "plain",
        "",
        "a: b # c",
        "it's",
        "two\nlines",
        "- x",
        "\u{85}",
        " lead",
        "tab\t",
    ];
    let mut dice = Dice(7);
    for round in 0..500 {
        let before = manifest(&mut dice, &keys);
        let edits: Vec<Edit> = (0..=dice.roll(3))
            .map(|_| Edit {
                path: [LABELS, ANNOTATIONS][dice.roll(2)],
                key: dice.pick(&keys).to_owned(),
                value: (dice.roll(3) > 0).then(|| dice.pick(&values).to_owned()),
            })
            .collect();
        let after = edit(&before, &edits);
        let shown = || {
            let edits = edits.iter().map(|edit| (edit.path, &edit.key, &edit.value));
            format!(
                "round {round}: {:?}\n{before}\n=====\n{after:?}",
                edits.collect::<Vec<_>>()
            )
        };
        let after = after.as_ref().unwrap_or_else(|_| panic!("{}", shown()));
        for line in before.lines() {
            let is_comment = line.trim_start().starts_with('#');
            // The comment behind a value goes with its line, or with the header of a block that becomes another.
            let may_go = !is_comment
                && (line.contains("mark f")
                    || edits
                        .iter()
                        .any(|edit| edit.value.is_none() && line.contains(&edit.key)));
            if line.contains("mark") && !may_go {
                let tail = line[line.find('#').unwrap()..].trim_end();
                assert!(
                    after.lines().any(|line| line.trim_end().ends_with(tail)),
                    "lost {tail}: {}",
                    shown()
                );
            }
        }
        let windows = before.contains("\r\n");
        assert_eq!(after.replace("\r\n", "").contains('\n'), !windows, "{}", shown());
        assert_eq!(before.ends_with('\n'), after.ends_with('\n'), "{}", shown());
    }
}
