//! Where each value of a chip comes from: the `[provenance]` table.
//!
//! An entry's key is a dotted field, a table (for every field in it) or `*` (for the whole chip);
//! the longest key that applies wins. Its value is text, a grade and a source as in `Q: Table 6`, or
//! `assumed: ` and the reason; or a table that says the same, and between which values it may lie.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{ChipSpec, Error, OutOfRange};

/// The provenance of a field that was set for one run.
pub(super) const SET_FOR_THIS_RUN: &str = "set for this run";

/// Fields that need no source: how many chips there are is chosen, and whether the host is counted.
pub(super) const CHOSEN: [&str; 3] = ["board.chips_x", "board.chips_y", "host.is_counted"];

/// Tables and fields of a chip that are no numbers of it.
pub(super) const NO_NUMBERS: [&str; 5] = ["name", "source", "profile", "profiles", "provenance"];

/// What the grade of a published value may be, where an entry is text.
const PUBLISHED: [&str; 5] = ["P: ", "C: ", "Q: ", "W: ", "S: "];
const DERIVED: &str = "D: ";
const ASSUMED: &str = "assumed: ";

const EXPECTED: &str = "`assumed: ` and a reason, or a source after `P: ` (the method's paper), `C: ` (released \
    code), `Q: ` (quoted from the primary paper), `W: ` (a web page), `S: ` (a secondary statement) or \
    `D: ` (derived from these)";

/// How well a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// A source states it.
    Published,
    /// It follows from published values; the source has the arithmetic.
    Derived,
    /// It makes the simulator agree with a measurement, which the source names.
    Fitted,
    /// No source states it; `why` has the reason for the value.
    Assumed,
    /// Whoever uses the chip has set it, and states no source.
    User,
}

/// Where a value comes from, in parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// How well it is known.
    pub grade: Grade,
    /// What states it, or what it follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why it is this value, where no source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The smallest value that is plausible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The largest value that is plausible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The values that are plausible, where they are no interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<Value>>,
}

/// An entry of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// A grade and a source, or a reason, in one text.
    Text(String),
    /// The same in parts, with what else is known.
    Stated(Stated),
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Entry;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, or a table with a `grade`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                Stated::deserialize(MapAccessDeserializer::new(map)).map(Entry::Stated)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl Entry {
    /// Of a value that whoever uses the chip has set.
    pub(super) fn user(why: String) -> Self {
        let (source, low, high, choices) = (None, None, None, None);
        Self::Stated(Stated { grade: Grade::User, source, why: Some(why), low, high, choices })
    }

    /// In parts; text is taken apart.
    pub fn stated(&self) -> Stated {
        let text = match self {
            Self::Stated(stated) => return stated.clone(),
            Self::Text(text) => text,
        };
        let reason = text.strip_prefix(ASSUMED);
        let grade = match text {
            _ if reason.is_some() => Grade::Assumed,
            text if text == SET_FOR_THIS_RUN => Grade::User,
            text if text.starts_with(DERIVED) => Grade::Derived,
            _ => Grade::Published,
        };
        let (source, why) = match grade {
            Grade::Assumed => (None, reason.map(str::to_owned)),
            Grade::User => (None, Some(text.clone())),
            _ => (Some(text.clone()), None),
        };
        Stated { grade, source, why, low: None, high: None, choices: None }
    }

    /// In one line.
    pub fn told(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Stated(Stated { grade, source, why, .. }) => {
                let grade = serde_json::to_value(grade).expect("a grade is a word");
                let told = source.iter().chain(why).map(String::as_str).collect::<Vec<_>>().join("; ");
                format!("{}: {told}", grade.as_str().unwrap_or_default())
            }
        }
    }

    /// What is wrong with it: what it says, and what was expected.
    fn problem(&self) -> Option<(String, String)> {
        let expected = |text: &str| Some((self.told(), text.to_owned()));
        match self {
            Self::Text(text) => {
                let graded =
                    PUBLISHED.iter().chain(&[DERIVED, ASSUMED]).find_map(|grade| text.strip_prefix(grade));
                let holds = text == SET_FOR_THIS_RUN || graded.is_some_and(|rest| !rest.trim().is_empty());
                if holds { None } else { Some((format!("{text:?}"), EXPECTED.to_owned())) }
            }
            Self::Stated(Stated { grade, source, why, low, high, choices }) => {
                let is_blank =
                    |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
                match grade {
                    Grade::Published | Grade::Derived | Grade::Fitted if is_blank(source) => {
                        return expected("a `source`");
                    }
                    Grade::Assumed if is_blank(why) => return expected("a reason, `why`"),
                    _ => {}
                }
                match (low, high, choices) {
                    (None, None, None) => None,
                    (Some(low), Some(high), None) if low <= high => None,
                    (None, None, Some(choices)) if !choices.is_empty() => None,
                    _ => expected("`low` and `high`, ascending, or `choices`, or none of them"),
                }
            }
        }
    }
}

impl ChipSpec {
    /// Where the value of a dotted field comes from: the key and the entry that apply to it.
    pub fn entry(&self, field: &str) -> Option<(&str, &Entry)> {
        let tables = field.match_indices('.').rev().map(|(end, _)| &field[..end]);
        let mut keys = std::iter::once(field).chain(tables).chain(["*"]);
        keys.find_map(|key| self.provenance.get_key_value(key)).map(|(key, entry)| (key.as_str(), entry))
    }

    /// Where the value of a dotted field comes from, in one line.
    pub fn provenance(&self, field: &str) -> Option<String> {
        self.entry(field).map(|(_, entry)| entry.told())
    }

    /// The same in parts, as JSON.
    pub fn provenance_json(&self, field: &str) -> Option<String> {
        self.entry(field)
            .map(|(_, entry)| serde_json::to_string(&entry.stated()).expect("an entry is plain data"))
    }

    /// Every assumption, as (dotted field, table or `*`; the reason).
    pub fn assumed(&self) -> Vec<(&str, String)> {
        let entries = self.provenance.iter().map(|(key, entry)| (key.as_str(), entry.stated()));
        let assumed = entries.filter(|(_, stated)| stated.grade == Grade::Assumed);
        assumed.map(|(key, stated)| (key, stated.why.unwrap_or_default())).collect()
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
        let problems = self.provenance.iter().filter_map(|(key, entry)| {
            let (value, expected) = entry.problem()?;
            Some(OutOfRange { field: format!("provenance.\"{key}\""), value, expected })
        });
        let problems: Vec<_> = problems.collect();
        if !problems.is_empty() {
            return Err(Error::OutOfRange(problems));
        }
        let is_unsourced = |field: &str| self.entry(field).is_none() && !CHOSEN.contains(&field);
        let unsourced = fields.iter().filter(|(field, values)| has_value(values) && is_unsourced(field));
        let unsourced: Vec<_> = unsourced.map(|(field, _)| field.clone()).collect();
        if unsourced.is_empty() { Ok(()) } else { Err(Error::Unsourced(unsourced)) }
    }

    /// The dotted name of every field, and its values: one, or one for each element of a list of tables.
    pub(super) fn fields(&self) -> BTreeMap<String, Vec<Value>> {
        fields_of(&serde_json::to_value(self).expect("a chip is plain data"))
    }
}

/// The same of a chip as plain data.
pub(super) fn fields_of(chip: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut fields = BTreeMap::new();
    for (table, value) in chip.as_object().into_iter().flatten() {
        if !NO_NUMBERS.contains(&table.as_str()) {
            collect_fields(table, value, &mut fields);
        }
    }
    fields
}

fn collect_fields(path: &str, value: &Value, fields: &mut BTreeMap<String, Vec<Value>>) {
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
        value => fields.entry(path.to_owned()).or_default().push(value.clone()),
    }
}

/// Whether a field has a value: an absent limit or an empty list has none.
fn has_value(values: &[Value]) -> bool {
    values
        .iter()
        .any(|value| !value.is_null() && value.as_array().is_none_or(|elements| !elements.is_empty()))
}

/// Whether the dotted `field` is `table` or lies in it.
pub(super) fn is_within(field: &str, table: &str) -> bool {
    field.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(toml: &str) -> Entry {
        #[derive(Deserialize)]
        struct Holder {
            entry: Entry,
        }
        toml::from_str::<Holder>(&format!("entry = {toml}")).unwrap().entry
    }

    #[test]
    fn text_and_tables_have_the_grades_that_they_say() {
        for (toml, grade, told) in [
            ("\"Q: Table 6\"", Grade::Published, "Q: Table 6"),
            ("\"D: 2 x 3\"", Grade::Derived, "D: 2 x 3"),
            ("\"assumed: not published\"", Grade::Assumed, "assumed: not published"),
            ("\"set for this run\"", Grade::User, "set for this run"),
            ("{ grade = \"published\", source = \"Table 6\" }", Grade::Published, "published: Table 6"),
            ("{ grade = \"user\" }", Grade::User, "user: "),
            (
                "{ grade = \"assumed\", why = \"as Loihi's\", low = 1, high = 4 }",
                Grade::Assumed,
                "assumed: as Loihi's",
            ),
        ] {
            let entry = entry(toml);
            assert_eq!((entry.stated().grade, entry.told().as_str(), entry.problem()), (grade, told, None));
        }
    }

    #[test]
    fn an_entry_without_its_source_or_with_half_a_range_is_refused() {
        for (toml, expected) in [
            ("{ grade = \"published\", why = \"so\" }", "a `source`"),
            ("{ grade = \"fitted\" }", "a `source`"),
            ("{ grade = \"assumed\", source = \"x\" }", "a reason, `why`"),
            ("{ grade = \"user\", low = 1 }", "`low` and `high`, ascending, or `choices`, or none of them"),
            (
                "{ grade = \"user\", low = 2, high = 1 }",
                "`low` and `high`, ascending, or `choices`, or none of them",
            ),
            (
                "{ grade = \"user\", choices = [] }",
                "`low` and `high`, ascending, or `choices`, or none of them",
            ),
            ("\"Q: \"", EXPECTED),
        ] {
            assert_eq!(entry(toml).problem().unwrap().1, expected, "{toml}");
        }
    }
}
