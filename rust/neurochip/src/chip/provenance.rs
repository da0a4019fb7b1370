//! Where each value of a chip comes from: the `[provenance]` table.
//!
//! An entry's key is a dotted field, a table (for every field in it) or `*` (for the whole chip);
//! the longest key that applies wins. Its value is a grade and a source, as in `Q: Table 6`, or
//! `assumed: ` and the reason.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ChipSpec, Error, OutOfRange};

/// The provenance of a field that was set for one run.
pub(super) const SET_FOR_THIS_RUN: &str = "set for this run";

/// Fields that need no source: how many chips there are is chosen, and whether the host is counted.
const CHOSEN: [&str; 3] = ["board.chips_x", "board.chips_y", "host.is_counted"];

/// What the grade of a published value may be.
const GRADES: [&str; 6] = ["P: ", "C: ", "Q: ", "W: ", "S: ", "D: "];

const EXPECTED: &str = "`assumed: ` and a reason, or a source after `P: ` (the method's paper), `C: ` (released \
    code), `Q: ` (quoted from the primary paper), `W: ` (a web page), `S: ` (a secondary statement) or \
    `D: ` (derived from these)";

impl ChipSpec {
    /// Where the value of a dotted field comes from.
    pub fn provenance(&self, field: &str) -> Option<&str> {
        let tables = field.match_indices('.').rev().map(|(end, _)| &field[..end]);
        let mut keys = std::iter::once(field).chain(tables).chain(["*"]);
        keys.find_map(|key| self.provenance.get(key)).map(String::as_str)
    }

    /// Every assumption, as (dotted field, table or `*`; the reason).
    pub fn assumed(&self) -> Vec<(&str, &str)> {
        let entries = self.provenance.iter();
        entries.filter_map(|(key, source)| Some((key.as_str(), source.strip_prefix("assumed: ")?))).collect()
    }

    /// Checks that every value has a source and every source a value.
    pub(super) fn check_provenance(&self) -> Result<(), Error> {
        let fields = self.fields();
        let names = |key: &str| fields.keys().any(|field| is_within(field, key));
        let keys = self.provenance.keys();
        let unknown: Vec<_> = keys.filter(|key| *key != "*" && !names(key)).cloned().collect();
        if !unknown.is_empty() {
            return Err(Error::UnknownProvenance(unknown));
        }
        let ungraded = self.provenance.iter().filter(|(_, source)| !is_graded(source));
        let ungraded: Vec<_> = ungraded.map(|(key, source)| ungraded_entry(key, source)).collect();
        if !ungraded.is_empty() {
            return Err(Error::OutOfRange(ungraded));
        }
        let is_unsourced = |field: &str| self.provenance(field).is_none() && !CHOSEN.contains(&field);
        let unsourced = fields.into_iter().filter(|(field, filled)| *filled && is_unsourced(field));
        let unsourced: Vec<_> = unsourced.map(|(field, _)| field).collect();
        if unsourced.is_empty() { Ok(()) } else { Err(Error::Unsourced(unsourced)) }
    }

    /// The dotted name of every field, and whether it has a value (an absent limit or an empty list
    /// has none); a field of a list's elements is named once.
    fn fields(&self) -> BTreeMap<String, bool> {
        let mut fields = BTreeMap::new();
        let value = serde_json::to_value(self).expect("a chip is plain data");
        for (table, value) in value.as_object().expect("a chip is a table") {
            if !["name", "source", "profile", "profiles", "provenance"].contains(&table.as_str()) {
                collect_fields(table, value, &mut fields);
            }
        }
        fields
    }
}

fn collect_fields(path: &str, value: &Value, fields: &mut BTreeMap<String, bool>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                collect_fields(&format!("{path}.{key}"), value, fields);
            }
        }
        Value::Array(elements) if elements.first().is_some_and(Value::is_object) => {
            for element in elements {
                collect_fields(path, element, fields);
            }
        }
        value => {
            let filled = !value.is_null() && value.as_array().is_none_or(|elements| !elements.is_empty());
            fields.insert(path.to_owned(), filled);
        }
    }
}

/// Whether the dotted `field` is `table` or lies in it.
pub(super) fn is_within(field: &str, table: &str) -> bool {
    field.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_graded(source: &str) -> bool {
    let after_grade = GRADES.iter().chain(&["assumed: "]).find_map(|grade| source.strip_prefix(grade));
    source == SET_FOR_THIS_RUN || after_grade.is_some_and(|rest| !rest.trim().is_empty())
}

fn ungraded_entry(key: &str, source: &str) -> OutOfRange {
    let (field, value) = (format!("provenance.\"{key}\""), format!("{source:?}"));
    OutOfRange { field, value, expected: EXPECTED.to_owned() }
}
