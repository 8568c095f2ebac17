//! What a Go template reads of a cluster, found by following where the parameters go.
//!
//! Every expression is one of the places below. A place that is looked into by a constant key is followed; one that is
//! printed, ranged over, tested or handed to a function counts as read whole.

use std::collections::BTreeMap;

use super::{
    go_lexer::{NotUnderstood, Token, actions},
    reads::Reads,
};
use crate::request::Keys;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// All parameters.
    Root,
    /// `.metadata`.
    Metadata,
    /// `.metadata.labels`.
    Labels,
    /// `.metadata.annotations`.
    Annotations,
    /// A value already counted, or none of the fleet's.
    Counted,
}

/// Adds what `template` reads to `reads`.
pub(super) fn scan(template: &str, reads: &mut Reads) -> Result<(), NotUnderstood> {
    let mut scan = Scan {
        reads,
        dots: vec![Place::Root],
        variables: BTreeMap::new(),
    };
    for action in actions(template)? {
        scan.action(&action)?;
    }
    Ok(())
}

struct Scan<'r> {
    reads: &'r mut Reads,
    /// What `.` is, a level for each open block.
    dots: Vec<Place>,
    variables: BTreeMap<String, Place>,
}

/// An operand: where it comes from, or the constant string that it is.
struct Operand {
    place: Place,
    text: Option<String>,
}

impl From<Place> for Operand {
    fn from(place: Place) -> Self {
        Self { place, text: None }
    }
}

/// The tokens of an action that are still to be read.
type Tokens<'t> = std::iter::Peekable<std::slice::Iter<'t, Token>>;

impl Scan<'_> {
    fn action(&mut self, tokens: &[Token]) -> Result<(), NotUnderstood> {
        let mut rest = tokens.iter().peekable();
        let Some(Token::Word(word)) = tokens.first() else {
            return self.print(rest);
        };
        let dot = self.dot();
        match word.as_str() {
            "if" | "range" | "with" => {
                rest.next();
                self.block(word, dot, rest)?;
            }
            "else" => {
                rest.next();
                self.dots.pop();
                let outer = self.dot();
                match rest.next() {
                    None => self.dots.push(outer),
                    Some(Token::Word(word)) => self.block(word, outer, rest)?,
                    Some(_) => return Err(NotUnderstood),
                }
            }
            "end" => {
                self.dots.pop();
            }
            // Whatever is handed over is read whole, so that the body has nothing left to count.
            "define" => self.dots.push(Place::Counted),
            "block" | "template" => {
                rest.next();
                rest.next();
                if rest.peek().is_some() {
                    self.print(rest)?;
                }
                if word == "block" {
                    self.dots.push(Place::Counted);
                }
            }
            "break" | "continue" => {}
            _ => return self.print(rest),
        }
        if self.dots.is_empty() {
            return Err(NotUnderstood);
        }
        Ok(())
    }

    fn block(&mut self, word: &str, dot: Place, tokens: Tokens<'_>) -> Result<(), NotUnderstood> {
        let ranged = word == "range";
        let place = self.whole(tokens, ranged)?;
        // All parameters together are never empty, so testing them reads nothing.
        if place != Place::Root || ranged {
            self.count(place);
        }
        self.dots.push(match word {
            "with" => place,
            "range" => Place::Counted,
            "if" => dot,
            _ => return Err(NotUnderstood),
        });
        Ok(())
    }

    fn print(&mut self, tokens: Tokens<'_>) -> Result<(), NotUnderstood> {
        let declares = matches!(tokens.clone().next(), Some(Token::Variable(name)) if !name.is_empty())
            && matches!(tokens.clone().nth(1), Some(Token::Assign));
        let place = self.whole(tokens, false)?;
        if !declares {
            self.count(place);
        }
        Ok(())
    }

    /// A pipeline, perhaps assigned to variables, to the end of the action.
    fn whole(&mut self, mut tokens: Tokens<'_>, ranged: bool) -> Result<Place, NotUnderstood> {
        let names = assigned(&mut tokens);
        let place = self.pipeline(&mut tokens)?;
        if tokens.next().is_some() {
            return Err(NotUnderstood);
        }
        for name in names {
            self.assign(name, if ranged { Place::Counted } else { place });
        }
        Ok(place)
    }

    /// A variable that is two things at different times counts as read whole.
    fn assign(&mut self, name: String, place: Place) {
        let held = self.variables.get(&name).copied().unwrap_or(place);
        let joined = if held == place {
            place
        } else {
            self.count(held);
            self.count(place);
            Place::Counted
        };
        self.variables.insert(name, joined);
    }

    fn pipeline(&mut self, tokens: &mut Tokens<'_>) -> Result<Place, NotUnderstood> {
        let mut operand = self.command(tokens, None)?;
        while matches!(tokens.peek(), Some(Token::Pipe)) {
            tokens.next();
            operand = self.command(tokens, Some(operand))?;
        }
        Ok(operand.place)
    }

    fn command(&mut self, tokens: &mut Tokens<'_>, piped: Option<Operand>) -> Result<Operand, NotUnderstood> {
        let function = match tokens.peek() {
            Some(Token::Word(word)) if !is_constant(word) => {
                let word = word.clone();
                tokens.next();
                Some(word)
            }
            _ => None,
        };
        let mut operands = Vec::new();
        while !matches!(tokens.peek(), None | Some(Token::Pipe | Token::Close)) {
            operands.push(self.operand(tokens)?);
        }
        operands.extend(piped);
        match function {
            Some(function) => Ok(self.call(&function, &operands).into()),
            None if operands.len() == 1 => operands.pop().ok_or(NotUnderstood),
            None => Err(NotUnderstood),
        }
    }

    fn operand(&mut self, tokens: &mut Tokens<'_>) -> Result<Operand, NotUnderstood> {
        let mut operand = match tokens.next().ok_or(NotUnderstood)? {
            Token::Dot => self.dot().into(),
            Token::Field(name, _) => {
                let dot = self.dot();
                self.field(dot, name).into()
            }
            Token::Variable(name) if name.is_empty() => Place::Root.into(),
            Token::Variable(name) => self.variables.get(name).copied().unwrap_or(Place::Counted).into(),
            Token::Open => {
                let place = self.pipeline(tokens)?;
                if tokens.next() != Some(&Token::Close) {
                    return Err(NotUnderstood);
                }
                place.into()
            }
            Token::Text(text) => Operand {
                place: Place::Counted,
                text: Some(text.clone()),
            },
            Token::Literal | Token::Word(_) => Place::Counted.into(),
            Token::Pipe | Token::Close | Token::Assign | Token::Comma => return Err(NotUnderstood),
        };
        while let Some(Token::Field(name, true)) = tokens.peek() {
            operand = self.field(operand.place, name).into();
            tokens.next();
        }
        Ok(operand)
    }

    fn call(&mut self, function: &str, operands: &[Operand]) -> Place {
        match (function, operands) {
            ("index", [map, path @ ..]) => self.walk(map.place, path),
            ("get", [map, key]) => self.walk(map.place, std::slice::from_ref(key)),
            ("hasKey", [map, key]) => {
                let place = self.walk(map.place, std::slice::from_ref(key));
                if place != Place::Metadata {
                    self.count(place);
                }
                Place::Counted
            }
            ("dig", [path @ .., default, map]) => {
                self.count(default.place);
                self.walk(map.place, path)
            }
            _ => {
                for operand in operands {
                    self.count(operand.place);
                }
                Place::Counted
            }
        }
    }

    fn walk(&mut self, from: Place, path: &[Operand]) -> Place {
        path.iter().fold(from, |place, key| {
            if let Some(key) = &key.text {
                self.field(place, key)
            } else {
                self.count(key.place);
                self.count(place);
                Place::Counted
            }
        })
    }

    fn field(&mut self, place: Place, name: &str) -> Place {
        match (place, name) {
            (Place::Root, "metadata") => return Place::Metadata,
            (Place::Root, name) => self.reads.parameter(name),
            (Place::Metadata, "labels") => return Place::Labels,
            (Place::Metadata, "annotations") => return Place::Annotations,
            (Place::Labels, key) => self.reads.labels.add(key),
            (Place::Annotations, key) => self.reads.annotations.add(key),
            (Place::Metadata | Place::Counted, _) => {}
        }
        Place::Counted
    }

    /// Counts a place as read whole.
    fn count(&mut self, place: Place) {
        match place {
            Place::Root => self.reads.everything(),
            Place::Metadata => {
                self.reads.labels = Keys::All;
                self.reads.annotations = Keys::All;
            }
            Place::Labels => self.reads.labels = Keys::All,
            Place::Annotations => self.reads.annotations = Keys::All,
            Place::Counted => {}
        }
    }

    fn dot(&self) -> Place {
        self.dots.last().copied().unwrap_or(Place::Counted)
    }
}

fn is_constant(word: &str) -> bool {
    matches!(word, "true" | "false" | "nil")
}

/// The names before `:=` or `=`, taken off the tokens: one, or two of a `range`.
fn assigned(tokens: &mut Tokens<'_>) -> Vec<String> {
    let mut ahead = tokens.clone();
    let mut names = Vec::new();
    loop {
        match (ahead.next(), ahead.next()) {
            (Some(Token::Variable(name)), Some(Token::Assign)) if !name.is_empty() => {
                names.push(name.clone());
                *tokens = ahead;
                return names;
            }
            (Some(Token::Variable(name)), Some(Token::Comma)) if !name.is_empty() => names.push(name.clone()),
            _ => return Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
