//! A YAML document as a tree with byte positions.

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::EditError;

/// A value and where it stands. For a block scalar `start` is its first character, behind the line with `|` or `>`.
pub(super) struct Node {
    pub shape: Shape,
    pub start: usize,
    /// Behind the last character that belongs to it, without the white space that follows.
    pub end: usize,
    /// Column of `start`, in characters from 0.
    pub col: usize,
}

pub(super) enum Shape {
    Scalar { value: String, style: ScalarStyle },
    Alias,
    Mapping { flow: bool, entries: Vec<Entry> },
    Sequence,
}

pub(super) struct Entry {
    pub key: Node,
    pub value: Node,
}

impl Entry {
    pub fn is(&self, name: &str) -> bool {
        matches!(&self.key.shape, Shape::Scalar { value, .. } if value == name)
    }

    pub fn name(&self) -> Option<&str> {
        match &self.key.shape {
            Shape::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    pub fn end(&self) -> usize {
        self.value.end.max(self.key.end)
    }
}

impl Node {
    pub fn is_null(&self) -> bool {
        matches!(&self.shape, Shape::Scalar { value, style: ScalarStyle::Plain }
            if matches!(value.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub fn is_double_quoted(&self) -> bool {
        matches!(
            self.shape,
            Shape::Scalar {
                style: ScalarStyle::DoubleQuoted,
                ..
            }
        )
    }
}

/// The one document of a text.
pub(super) fn parse(text: &str) -> Result<Node, EditError> {
    let mut events = Events {
        parser: Parser::new_from_str(text),
        text,
    };
    let mut found = None;
    while let Some((event, span)) = events.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => {
                let node = events.node(event, span)?;
                if node.is_null() {
                    continue;
                }
                if found.replace(node).is_some() {
                    return Err(EditError::Several);
                }
            }
        }
    }
    found.ok_or(EditError::Syntax { line: 1 })
}

/// Whether all that leads to the last part of a path is written as blocks.
pub(super) fn is_block_path(root: &Node, path: &[&str]) -> bool {
    let mut at = root;
    for part in path {
        let Shape::Mapping { flow: false, entries } = &at.shape else {
            return false;
        };
        match entries.iter().find(|entry| entry.is(part)) {
            Some(entry) => at = &entry.value,
            None => return false,
        }
    }
    true
}

struct Events<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    text: &'a str,
}

impl<'a> Events<'a> {
    /// The next event that is no comment.
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, EditError> {
        for next in self.parser.by_ref() {
            let (event, span) = next.map_err(|error| EditError::Syntax {
                line: error.marker().line(),
            })?;
            if event.is_node() || !matches!(event, Event::Comment(..)) {
                return Ok(Some((event, span)));
            }
        }
        Ok(None)
    }

    fn must_next(&mut self) -> Result<(Event<'a>, Span), EditError> {
        self.next()?.ok_or(EditError::Syntax { line: 1 })
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, EditError> {
        let start = offset(span.start.byte_offset(), span)?;
        let end = offset(span.end.byte_offset(), span)?;
        let col = span.start.col();
        let (shape, end) = match event {
            Event::Scalar(value, style, ..) => {
                let end = start + self.text[start..end].trim_end().len();
                let value = if start == end && style == ScalarStyle::Plain {
                    String::new()
                } else {
                    value.into_owned()
                };
                (Shape::Scalar { value, style }, end)
            }
            Event::Alias(..) => (Shape::Alias, end),
            Event::MappingStart(style, ..) => self.mapping(style == StructureStyle::Flow, start)?,
            Event::SequenceStart(style, ..) => self.sequence(style == StructureStyle::Flow, start)?,
            _ => {
                return Err(EditError::Syntax {
                    line: span.start.line(),
                });
            }
        };
        Ok(Node {
            shape,
            start,
            end,
            col,
        })
    }

    fn mapping(&mut self, flow: bool, start: usize) -> Result<(Shape, usize), EditError> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.must_next()?;
            if matches!(event, Event::MappingEnd) {
                let end = if flow {
                    offset(span.end.byte_offset(), span)?
                } else {
                    entries.last().map_or(start, Entry::end)
                };
                return Ok((Shape::Mapping { flow, entries }, end));
            }
            let key = self.node(event, span)?;
            let (event, span) = self.must_next()?;
            let value = self.node(event, span)?;
            entries.push(Entry { key, value });
        }
    }

    fn sequence(&mut self, flow: bool, start: usize) -> Result<(Shape, usize), EditError> {
        let mut last = start;
        loop {
            let (event, span) = self.must_next()?;
            if matches!(event, Event::SequenceEnd) {
                let end = if flow {
                    offset(span.end.byte_offset(), span)?
                } else {
                    last
                };
                return Ok((Shape::Sequence, end));
            }
            last = self.node(event, span)?.end;
        }
    }
}

fn offset(bytes: Option<usize>, span: Span) -> Result<usize, EditError> {
    bytes.ok_or(EditError::Syntax {
        line: span.start.line(),
    })
}
