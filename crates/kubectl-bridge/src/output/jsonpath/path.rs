//! kubectl's spelling of a path, respelled as RFC 9535 has it.

/// `.metadata.labels.a\.b` becomes `$['metadata']['labels']['a.b']`. A leading `$`, `@` or nothing all mean the document
/// at hand.
pub fn standard(text: &str) -> Result<String, String> {
    let start = text.strip_prefix(['$', '@']).unwrap_or(text);
    let mut path = String::from("$");
    if start == "." {
        return Ok(path);
    }
    let mut reader = Reader { rest: start, text };
    reader.steps(&mut path, false)?;
    if reader.rest.is_empty() {
        Ok(path)
    } else {
        Err(format!("cannot read the path {{{text}}} at \"{}\"", reader.rest))
    }
}

struct Reader<'a> {
    rest: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    /// Steps until the end, or within a filter until something else comes.
    fn steps(&mut self, path: &mut String, in_filter: bool) -> Result<(), String> {
        loop {
            if let Some(rest) = self.rest.strip_prefix("..") {
                self.rest = rest;
                path.push_str("..");
                if self.rest.starts_with('[') {
                    self.brackets(path)?;
                } else {
                    self.name(path, in_filter)?;
                }
            } else if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                if !self.rest.starts_with('[') {
                    self.name(path, in_filter)?;
                }
            } else if self.rest.starts_with('[') {
                self.brackets(path)?;
            } else {
                return Ok(());
            }
        }
    }

    fn name(&mut self, path: &mut String, in_filter: bool) -> Result<(), String> {
        let mut name = String::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.extend(chars.next().map(|(_, escaped)| escaped)),
                '.' | '[' => {
                    end = at;
                    break;
                }
                c if in_filter && (c.is_whitespace() || "=!<>()&|,]".contains(c)) => {
                    end = at;
                    break;
                }
                c if c.is_whitespace() => {
                    return Err(format!("the path {{{}}} has a space in it", self.text));
                }
                c => name.push(c),
            }
        }
        self.rest = &self.rest[end..];
        match name.as_str() {
            "" => return Err(format!("the path {{{}}} lacks a name after a dot", self.text)),
            "*" => path.push_str("[*]"),
            name => {
                path.push('[');
                quote(name, path);
                path.push(']');
            }
        }
        Ok(())
    }

    /// `[…]`: an index, a slice, `*`, quoted names, a union of these, or a filter.
    fn brackets(&mut self, path: &mut String) -> Result<(), String> {
        let text = self.text;
        let unclosed = || format!("the path {{{text}}} has an unclosed [");
        path.push('[');
        self.rest = &self.rest[1..];
        let mut depth = 0_usize;
        loop {
            let c = self.rest.chars().next().ok_or_else(unclosed)?;
            match c {
                '\'' | '"' => {
                    let name = self.quoted(c).ok_or_else(unclosed)?;
                    quote(&name, path);
                    continue;
                }
                // A path of its own within a filter.
                '@' | '$' => {
                    path.push(c);
                    self.rest = &self.rest[1..];
                    self.steps(path, true)?;
                    continue;
                }
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ']' if depth == 0 => {
                    path.push(']');
                    self.rest = &self.rest[1..];
                    return Ok(());
                }
                _ => {}
            }
            path.push(c);
            self.rest = &self.rest[c.len_utf8()..];
        }
    }

    fn quoted(&mut self, open: char) -> Option<String> {
        let mut name = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.push(chars.next()?.1),
                c if c == open => {
                    self.rest = &self.rest[at + 1..];
                    return Some(name);
                }
                c => name.push(c),
            }
        }
        None
    }
}

fn quote(name: &str, path: &mut String) {
    path.push('\'');
    for c in name.chars() {
        if matches!(c, '\'' | '\\') {
            path.push('\\');
        }
        path.push(c);
    }
    path.push('\'');
}
