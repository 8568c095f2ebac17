//! Text from a cluster, made safe for a terminal.

/// Text for one cell or line: cut at the first line break (as kubectl does, `...` says so), control characters made
/// visible. Whoever can label a Secret must not be able to move the reader's cursor.
pub fn cell(text: &str) -> String {
    let (line, cut) = match text.find(['\n', '\r', '\u{c}']) {
        Some(at) => (&text[..at], "..."),
        None => (text, ""),
    };
    let mut safe = String::with_capacity(line.len() + cut.len());
    for c in line.chars() {
        match c {
            '\t' => safe.push(' '),
            '\u{7f}' => safe.push_str("^?"),
            c if c.is_ascii_control() => {
                safe.push('^');
                safe.push(char::from(c as u8 ^ 0x40));
            }
            // The second set of control characters, one of which also begins terminal sequences, and the marks that
            // turn the direction of writing.
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe.push_str(cut);
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor() {
        for (text, expected) in [
            ("plain ä", "plain ä"),
            ("two\nlines", "two..."),
            ("\u{1b}[2Jgone", "^[[2Jgone"),
            ("a\tb\u{7f}", "a b^?"),
            ("\u{9b}31m\u{202e}", "\u{fffd}31m\u{fffd}"),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
