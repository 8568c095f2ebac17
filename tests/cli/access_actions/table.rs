//! The README's table of what each command needs in AWS.

use std::collections::{BTreeMap, BTreeSet};

/// IAM actions, by the account in which they are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub spoke: BTreeSet<String>,
    pub hub: BTreeSet<String>,
}

const HEADER: &str = "| command | in the spoke's account | in the hub's account |";

/// The rows by their first cell, without code marks. A row that names another one has what that has, column by column.
pub fn rows() -> BTreeMap<String, Row> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let (_, table) = readme.split_once(HEADER).unwrap();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    for line in lines {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{line}");
        let row = Row {
            spoke: actions(cells[1], |name| rows[name].spoke.clone()),
            hub: actions(cells[2], |name| rows[name].hub.clone()),
        };
        let before = rows.insert(cells[0].replace('`', ""), row);
        assert_eq!(before, None, "two rows: {line}");
    }
    rows
}

/// The actions in a cell, and those of the rows above that it names.
fn actions(cell: &str, row: impl Fn(&str) -> BTreeSet<String>) -> BTreeSet<String> {
    let code = cell.split('`').skip(1).step_by(2);
    code.flat_map(|word| match word.split_once(':') {
        Some(("eks" | "iam", _)) => [word.to_owned()].into(),
        _ => row(word),
    })
    .collect()
}
