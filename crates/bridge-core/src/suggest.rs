//! "Did you mean": the nearest known words to one that is unknown.

/// At most three of `known` that are near enough to `word` to be a slip of it, nearest first.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    let mut ranked: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = distance(&word, &lower);
            // A part of a long name ("load-balancer") is a better hint than its edit distance says.
            let contained = word.len() > 2 && lower.contains(&word);
            (distance <= limit || contained).then_some((if contained { 1 } else { distance }, candidate))
        })
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked
        .into_iter()
        .take(3)
        .map(|(_, candidate)| candidate)
        .collect()
}

/// `; did you mean "a" or "b"?`, or nothing when nothing is near.
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near: Vec<String> = nearest(word, known)
        .into_iter()
        .map(|near| format!("\"{near}\""))
        .collect();
    if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    }
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        assert_eq!(nearest("karpentr", ["karpenter", "keda", "vpa"]), ["karpenter"]);
        assert_eq!(
            nearest("load-balancer", ["aws-load-balancer-controller", "vpa"]),
            ["aws-load-balancer-controller"]
        );
        assert!(nearest("zzz", ["karpenter", "keda"]).is_empty());
        assert_eq!(hint("stagng", ["staging", "prod"]), "; did you mean \"staging\"?");
        assert_eq!(hint("q", ["staging"]), "");
    }
}
