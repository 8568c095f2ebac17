//! The same thing about many clusters, said once.

use bridge_core::facts::EksArn;

/// How many clusters are named in a line.
const NAMED: usize = 3;
/// What stands for what differs.
const BLANK: &str = "…";

/// The cluster that something is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Name on the hub.
    pub name: String,
    /// In EKS.
    pub arn: EksArn,
}

/// A line for each text; texts that differ in the names of their clusters only share one. In the order in which they came.
pub fn grouped<'a>(items: impl IntoIterator<Item = (&'a Subject, &'a str)>) -> Vec<String> {
    let mut groups: Vec<(String, &str, Vec<&Subject>)> = Vec::new();
    let mut at = std::collections::HashMap::new();
    for (subject, text) in items {
        let blank = blanked(text, subject);
        let group = *at.entry(blank.clone()).or_insert_with(|| {
            groups.push((blank, text, Vec::new()));
            groups.len() - 1
        });
        groups[group].2.push(subject);
    }
    groups
        .into_iter()
        .map(|(blank, text, subjects)| match subjects.as_slice() {
            [one] => format!("{}: {text}", crate::view::line(&one.name)),
            many => format!("{}: {blank}", listed(many.iter().map(|one| one.name.as_str()))),
        })
        .collect()
}

/// `500 clusters (a, b, c, …)`
pub fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let first: Vec<&str> = names.take(NAMED).collect();
    let more = if count > NAMED { ", …" } else { "" };
    format!("{count} clusters ({}{more})", first.join(", "))
}

/// The text without the names of the cluster.
pub fn blanked(text: &str, subject: &Subject) -> String {
    let mut text = text.replace(&subject.arn.to_string(), BLANK);
    for name in [&subject.arn.name, &subject.name] {
        text = without_word(&text, name);
    }
    text
}

/// Replaces a name where it stands for itself, and not as a part of another.
fn without_word(text: &str, word: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let alone = !before
            .chars()
            .next_back()
            .or(out.chars().next_back())
            .is_some_and(inner)
            && !after.chars().next().is_some_and(inner);
        out.push_str(before);
        out.push_str(if alone { BLANK } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        Subject {
            name: name.into(),
            arn: EksArn {
                partition: "aws".into(),
                region: "eu-west-1".into(),
                account: "111122223333".into(),
                name: format!("spoke-{name}"),
            },
        }
    }

    #[test]
    fn what_differs_in_names_only_is_one_line() {
        let all: Vec<Subject> = ["a", "b", "c", "d"].map(subject).into();
        let texts: Vec<String> = all
            .iter()
            .map(|one| format!("the endpoint of \"{}\" is private, {}", one.arn.name, one.arn))
            .collect();
        let mut items: Vec<(&Subject, &str)> = all.iter().zip(texts.iter().map(String::as_str)).collect();
        items.insert(1, (&all[0], "a thing of spoke-a-b"));
        assert_eq!(
            grouped(items),
            [
                "4 clusters (a, b, c, …): the endpoint of \"…\" is private, …",
                "cluster/a: a thing of spoke-a-b"
            ]
        );
        assert_eq!(without_word("dev on dev-1 and dev", "dev"), "… on dev-1 and …");
        assert_eq!(without_word("devdev", "dev"), "devdev");
    }
}
