//! Tables in kubectl's look.

use tabled::{
    builder::Builder,
    settings::{Alignment, Modify, Padding, Style, object::Columns},
};

use super::cell::cell;

/// kubectl gives a column at least six characters, the three between columns included.
const MIN_WIDTH: usize = 3;

/// Rows under upper-case headers. Cells are made safe for the terminal here.
#[derive(Debug, Clone, Default)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headers.
    pub fn new(headers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            headers: headers.into_iter().map(|header| cell(&header.into())).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; a missing value is `<none>`.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|text| match text.into() {
                    text if text.is_empty() => "<none>".to_owned(),
                    text => cell(&text),
                })
                .collect(),
        );
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, a line break at the end of each line; nothing at all without rows.
    pub fn render(&self, headers: bool) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut builder = Builder::default();
        let padded = |row: &Vec<String>| {
            row.iter()
                .map(|text| format!("{text:MIN_WIDTH$}"))
                .collect::<Vec<_>>()
        };
        if headers {
            builder.push_record(padded(&self.headers));
        }
        for row in &self.rows {
            builder.push_record(padded(row));
        }
        let mut table = builder.build();
        table
            .with(Style::empty())
            .with(Padding::new(0, 3, 0, 0))
            .with(Alignment::left())
            .with(Modify::new(Columns::last()).with(Padding::zero()));
        let mut text = String::new();
        for line in table.to_string().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_like_kubectl() {
        let mut table = Table::new(["NAME", "ON", "AGE"]);
        assert_eq!(table.render(true), "");
        table.row(["dev", "1", "5m"]);
        table.row(["a-longer-name", "", "3d4h\nx"]);
        assert_eq!(
            table.render(true),
            "NAME            ON       AGE\n\
             dev             1        5m\n\
             a-longer-name   <none>   3d4h...\n"
        );
        assert_eq!(
            table.render(false).lines().next(),
            Some("dev             1        5m")
        );
        let mut short = Table::new(["ON", "B"]);
        short.row(["x", "y"]);
        assert_eq!(short.render(true), "ON    B\nx     y\n");
    }
}
