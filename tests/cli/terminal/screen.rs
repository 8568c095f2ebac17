//! What a terminal shows in the end, from all that was written to it: the sequences that move and erase, no others.

const COLUMNS: usize = 80;

/// Lines without what follows their last letter, and without the empty ones below.
#[derive(Debug)]
pub struct Screen {
    pub lines: Vec<String>,
    pub cursor_shows: bool,
}

#[derive(Default)]
struct State {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    cursor_hides: bool,
}

impl Screen {
    /// Fails on a sequence that it does not know.
    pub fn of(raw: &str) -> Self {
        let mut state = State::default();
        let mut rest = raw.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\r' => state.column = 0,
                '\n' => state.row += 1,
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['), "{raw:?}");
                    let mut parameters = String::new();
                    let last = loop {
                        let next = rest.next().unwrap();
                        if next.is_ascii_alphabetic() {
                            break next;
                        }
                        parameters.push(next);
                    };
                    state.sequence(&parameters, last);
                }
                other => state.put(other),
            }
        }
        let mut lines: Vec<String> = state
            .rows
            .iter()
            .map(|row| row.iter().collect::<String>().trim_end().to_owned())
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        Self {
            lines,
            cursor_shows: !state.cursor_hides,
        }
    }
}

impl State {
    fn line(&mut self) -> &mut Vec<char> {
        if self.rows.len() <= self.row {
            self.rows.resize(self.row + 1, Vec::new());
        }
        &mut self.rows[self.row]
    }

    fn put(&mut self, c: char) {
        // The last column is left only when another character comes.
        if self.column == COLUMNS {
            self.row += 1;
            self.column = 0;
        }
        let column = self.column;
        let line = self.line();
        if line.len() <= column {
            line.resize(column + 1, ' ');
        }
        line[column] = c;
        self.column += 1;
    }

    fn sequence(&mut self, parameters: &str, last: char) {
        let count: usize = parameters.parse().unwrap_or(1);
        let column = self.column;
        match (last, parameters) {
            ('A', _) => self.row -= count,
            ('B', _) => self.row += count,
            ('C', _) => self.column += count,
            ('D', _) => self.column -= count,
            ('K', "2") => self.line().clear(),
            ('K', "" | "0") => self.line().truncate(column),
            ('J', "" | "0") => {
                self.line().truncate(column);
                let row = self.row;
                self.rows.truncate(row + 1);
            }
            ('l', "?25") => self.cursor_hides = true,
            ('h', "?25") => self.cursor_hides = false,
            ('m', _) => {}
            other => assert_eq!(other, ('?', ""), "an unknown sequence"),
        }
    }
}
