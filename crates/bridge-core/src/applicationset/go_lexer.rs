//! The actions of a Go template, cut into tokens (Go `text/template/parse/lex.go`).

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `.` alone.
    Dot,
    /// `.name`; whether it follows the token before without a space, and so belongs to it.
    Field(String, bool),
    /// `$name`; `$` alone has no name.
    Variable(String),
    /// A function, keyword or constant.
    Word(String),
    /// A quoted or raw string.
    Text(String),
    /// A number or character.
    Literal,
    Pipe,
    Open,
    Close,
    /// `:=` or `=`.
    Assign,
    Comma,
}

/// Not a Go template, or more of one than is understood here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotUnderstood;

/// All actions of a template, comments left out.
pub(super) fn actions(mut text: &str) -> Result<Vec<Vec<Token>>, NotUnderstood> {
    let mut actions = Vec::new();
    while let Some((_, rest)) = text.split_once("{{") {
        let trimmed = rest
            .strip_prefix('-')
            .filter(|rest| rest.starts_with(char::is_whitespace))
            .map(str::trim_start);
        let body = trimmed.unwrap_or(rest);
        if let Some(comment) = body.strip_prefix("/*") {
            let (_, after) = comment.split_once("*/").ok_or(NotUnderstood)?;
            text = after.split_once("}}").ok_or(NotUnderstood)?.1;
            continue;
        }
        let mut lexer = Lexer { rest: body };
        actions.push(lexer.action()?);
        text = lexer.rest;
    }
    Ok(actions)
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    /// Tokens up to and including the closing delimiter.
    fn action(&mut self) -> Result<Vec<Token>, NotUnderstood> {
        let mut tokens = Vec::new();
        loop {
            let before = self.rest.len();
            self.rest = self.rest.trim_start();
            let glued = before == self.rest.len() && !tokens.is_empty();
            if let Some(rest) = self.rest.strip_prefix("}}") {
                self.rest = rest;
                return Ok(tokens);
            }
            if !glued && let Some(rest) = self.rest.strip_prefix("-}}") {
                self.rest = rest;
                return Ok(tokens);
            }
            tokens.push(self.token(glued)?);
        }
    }

    fn token(&mut self, glued: bool) -> Result<Token, NotUnderstood> {
        let first = self.rest.chars().next().ok_or(NotUnderstood)?;
        let after = &self.rest[first.len_utf8()..];
        let token = match first {
            '|' => Token::Pipe,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => Token::Assign,
            ':' => {
                self.rest = after.strip_prefix('=').ok_or(NotUnderstood)?;
                return Ok(Token::Assign);
            }
            '"' => return self.quoted(),
            '`' => {
                let (text, rest) = after.split_once('`').ok_or(NotUnderstood)?;
                let token = Token::Text(text.to_owned());
                self.rest = rest;
                return Ok(token);
            }
            '\'' => {
                let end = if after.starts_with('\\') { 2 } else { 1 };
                let (at, _) = after.char_indices().nth(end).ok_or(NotUnderstood)?;
                self.rest = after[at..].strip_prefix('\'').ok_or(NotUnderstood)?;
                return Ok(Token::Literal);
            }
            '.' if after.starts_with(|c: char| c.is_ascii_digit()) => return Ok(self.number()),
            '.' => {
                self.rest = after;
                let name = self.name();
                return Ok(if name.is_empty() {
                    Token::Dot
                } else {
                    Token::Field(name, glued)
                });
            }
            '$' => {
                self.rest = after;
                return Ok(Token::Variable(self.name()));
            }
            '+' | '-' | '0'..='9' => return Ok(self.number()),
            _ => {
                let name = self.name();
                return if name.is_empty() {
                    Err(NotUnderstood)
                } else {
                    Ok(Token::Word(name))
                };
            }
        };
        self.rest = after;
        Ok(token)
    }

    fn name(&mut self) -> String {
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.to_owned()
    }

    fn number(&mut self) -> Token {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_');
        self.rest = self.rest.trim_start_matches(part);
        Token::Literal
    }

    fn quoted(&mut self) -> Result<Token, NotUnderstood> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(Token::Text(text));
                }
                '\\' => match chars.next().ok_or(NotUnderstood)?.1 {
                    c @ ('"' | '\\' | '\'') => text.push(c),
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    _ => return Err(NotUnderstood),
                },
                c => text.push(c),
            }
        }
        Err(NotUnderstood)
    }
}
