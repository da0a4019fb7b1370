//! From the text of a chip file to a chip: what it extends, and all that is wrong with its fields at once.
//!
//! serde stops at the first field that it cannot read. So the problem is written down, the field is
//! mended with that of a built-in chip, and the file is read again, until nothing is wrong any more.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use serde_path_to_error::Segment;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, in_words};
use super::overrides::alternatives;
use super::provenance::{CHOSEN, Entry, NO_NUMBERS, fields_of, is_within};
use super::{BUILT_IN, ChipSpec, Error, profile};

/// Names the built-in chip whose fields a file has where it has none of its own.
const EXTENDS: &str = "extends";

/// Takes away a field of the chip that is extended.
const NONE: &str = "none";

/// More problems than a chip has fields: the file is none of a chip.
const MAX_PROBLEMS: usize = 300;

/// Longest chip file, bytes: the longest built-in one has 20,000.
pub const MAX_BYTES: usize = 1 << 20;

/// The built-in chips, read.
static KNOWN: LazyLock<Vec<ChipSpec>> = LazyLock::new(|| {
    BUILT_IN.iter().map(|(_, text)| toml::from_str(text).expect("built-in chips are chips")).collect()
});

/// Reads a chip file. What it says may be impossible hardware: check it.
pub(super) fn read(text: &str) -> Result<ChipSpec, Error> {
    if text.len() > MAX_BYTES {
        return Err(Error::TooLong(text.len()));
    }
    let document = DeTable::parse(text)?;
    let lines = Lines { text, document: document.get_ref() };
    let mut problems = vec![];
    let mut own = plain(text, &lines, &mut problems)?;
    let base = match own.as_object_mut().and_then(|table| table.remove(EXTENDS)) {
        None => None,
        Some(Value::String(name)) => Some((name.clone(), known(&name)?)),
        Some(other) => return Err(Error::UnknownBase { given: other.to_string(), known: names() }),
    };
    let merged = base.as_ref().map_or_else(|| own.clone(), |(name, spec)| extended(spec, name, &own));
    let mut spec = repaired(merged, &lines, &mut problems);
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.line);
        return Err(Error::Problems(problems));
    }
    match &base {
        Some((name, base)) => mark_changes(&mut spec, base, name, &own),
        None => mark_copies(&mut spec),
    }
    Ok(spec)
}

/// The file as plain data; JSON has no numbers that are not finite.
fn plain(text: &str, lines: &Lines, problems: &mut Vec<Problem>) -> Result<Value, Error> {
    fn convert(value: toml::Value, path: &mut Vec<String>, wrong: &mut Vec<(Vec<String>, f64)>) -> Value {
        match value {
            toml::Value::Float(number) if !number.is_finite() => {
                wrong.push((path.clone(), number));
                Value::from(1)
            }
            toml::Value::Table(table) => {
                let mut converted = Map::new();
                for (key, value) in table {
                    path.push(key.clone());
                    converted.insert(key, convert(value, path, wrong));
                    path.pop();
                }
                Value::Object(converted)
            }
            toml::Value::Array(elements) => {
                let mut converted = vec![];
                for (index, value) in elements.into_iter().enumerate() {
                    path.push(index.to_string());
                    converted.push(convert(value, path, wrong));
                    path.pop();
                }
                Value::Array(converted)
            }
            value => serde_json::to_value(value).expect("a finite TOML value is a JSON value"),
        }
    }

    let mut wrong = vec![];
    let value = convert(toml::Value::Table(toml::from_str(text)?), &mut vec![], &mut wrong);
    problems.extend(wrong.into_iter().map(|(path, number)| Problem {
        line: lines.of(&path),
        what: format!("`{}` is {number}, expected a finite number", path.join(".")),
    }));
    Ok(value)
}

/// The chip that a file extends: a built-in one, with a profile or without.
fn known(name: &str) -> Result<ChipSpec, Error> {
    let (base, chosen) = name.split_once(':').map_or((name, None), |(base, chosen)| (base, Some(chosen)));
    let spec = KNOWN.iter().find(|spec| spec.name == base);
    let spec = spec.ok_or_else(|| Error::UnknownBase { given: format!("{name:?}"), known: names() })?;
    chosen.map_or_else(|| Ok(spec.clone()), |chosen| profile::choose(spec, chosen))
}

fn names() -> Vec<String> {
    KNOWN.iter().map(|spec| spec.name.clone()).collect()
}

/// The fields of `base` with those of a file in their place.
fn extended(base: &ChipSpec, name: &str, own: &Value) -> Value {
    let mut merged = serde_json::to_value(base).expect("a chip is plain data");
    let table = merged.as_object_mut().expect("a chip is a table");
    table.remove("name");
    table.insert("source".to_owned(), Value::String(format!("extends {name}: {}", base.source)));
    table.insert("profile".to_owned(), Value::Null);
    table.insert("profiles".to_owned(), Value::Object(Map::new()));
    merge(&mut merged, own);
    for (field, others) in alternatives() {
        if at(own, field).is_some_and(|value| !value.is_null()) {
            for other in others.iter().filter(|other| at(own, other).is_none()) {
                if let Some(value) = at_mut(&mut merged, other) {
                    *value = Value::Null;
                }
            }
        }
    }
    merged
}

fn merge(into: &mut Value, own: &Value) {
    match (into, own) {
        (Value::Object(into), Value::Object(own)) => {
            for (key, value) in own {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        // A word of a field that has words is a value of it: a requantizer can be `none`.
        (into, Value::String(word)) if word == NONE && !into.is_string() => *into = Value::Null,
        (into, own) => *into = own.clone(),
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}

fn at_mut<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(value, |value, key| value.get_mut(key))
}

/// The chip, with what is wrong mended and written down.
fn repaired(mut value: Value, lines: &Lines, problems: &mut Vec<Problem>) -> ChipSpec {
    while problems.len() < MAX_PROBLEMS {
        let error = match serde_path_to_error::deserialize::<_, ChipSpec>(&value) {
            Ok(spec) => return spec,
            Err(error) => error,
        };
        let mut path: Vec<_> = error.path().iter().map(key_of).collect();
        let told = error.inner().to_string();
        let what = describe(&told, &mut path, lines);
        let problem = Problem { line: lines.of(&path), what };
        if problems.contains(&problem) {
            break; // mending it has not helped
        }
        problems.push(problem);
        mend(&mut value, &path, &told);
    }
    KNOWN[0].clone() // whatever it is: the problems are what is told
}

/// A step of a path: the key of a table, or the index of a list.
fn key_of(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => index.to_string(),
        segment => segment.to_string(),
    }
}

/// Puts the value of a built-in chip in place of one that is wrong or missing, or takes it away.
///
/// A missing table becomes an empty one, so that what it needs is reported too.
fn mend(value: &mut Value, path: &[String], told: &str) {
    let (is_unknown, is_missing) = (told.starts_with("unknown field"), told.starts_with("missing field"));
    let Some((key, tables)) = path.split_last() else {
        return *value = serde_json::to_value(&KNOWN[0]).expect("plain data");
    };
    let pointer = |path: &[String]| path.iter().fold(String::new(), |told, key| told + "/" + key);
    let Some(parent) = value.pointer_mut(&pointer(tables)) else { return };
    let known = KNOWN.iter().find_map(|spec| {
        let whole = serde_json::to_value(spec).expect("a chip is plain data");
        // Elements of lists are alike: the first stands for all.
        let path: Vec<_> = path
            .iter()
            .map(|key| if key.parse::<u32>().is_ok() { "0".into() } else { key.clone() })
            .collect();
        whole.pointer(&pointer(&path)).filter(|value| !value.is_null()).cloned()
    });
    let known = if is_missing && known.as_ref().is_some_and(Value::is_object) {
        Some(Value::Object(Map::new()))
    } else {
        known
    };
    let stand_in = known.unwrap_or_else(|| {
        if tables.first().is_some_and(|table| table == "provenance") {
            "assumed: ".into()
        } else {
            Value::Null
        }
    });
    match parent {
        Value::Object(table) if is_unknown || (stand_in.is_null() && table.contains_key(key)) => {
            table.remove(key);
        }
        Value::Object(table) => {
            table.insert(key.clone(), stand_in);
        }
        Value::Array(elements) => {
            if let Some(element) = key.parse::<usize>().ok().and_then(|index| elements.get_mut(index)) {
                *element = stand_in;
            }
        }
        other => *other = stand_in,
    }
}

/// What serde says, in the words of a chip file; `path` becomes that of the field.
fn describe(told: &str, path: &mut Vec<String>, lines: &Lines) -> String {
    let quoted = |told: &str| told.split('`').nth(1).unwrap_or_default().to_owned();
    if told.starts_with("missing field") {
        path.push(quoted(told));
        return format!("`{}` is missing", path.join("."));
    }
    if told.starts_with("unknown field") {
        let field = quoted(told);
        if path.last() != Some(&field) {
            path.push(field.clone());
        }
        let mut accepted: Vec<_> = told.split('`').skip(3).step_by(2).collect();
        if path.len() == 1 {
            accepted.push(EXTENDS);
        }
        let near = accepted
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(a, &field).total_cmp(&strsim::jaro_winkler(b, &field)));
        let near = near.filter(|near| strsim::jaro_winkler(near, &field) > 0.8);
        let accepted = near.map_or_else(
            || {
                format!(
                    "expected {}{}",
                    if accepted.len() > 1 { "one of " } else { "" },
                    accepted.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )
            },
            |near| format!("did you mean `{near}`?"),
        );
        return format!("unknown field `{}`; {accepted}", path.join("."));
    }
    let (found, expected) = told.split_once(", expected ").unwrap_or((told, "something else"));
    let found = found.strip_prefix("unknown variant ").map_or_else(
        || {
            lines.value(path).unwrap_or_else(|| {
                found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ").to_owned()
            })
        },
        |variant| variant.replace('`', "\""),
    );
    format!("`{}` is {found}, expected {}", path.join("."), in_words(expected))
}

/// Says of each number that a file changes, and states no source for, that the user has set it.
fn mark_changes(spec: &mut ChipSpec, base: &ChipSpec, name: &str, own: &Value) {
    let before = base.fields();
    let stated: Vec<String> = own
        .get("provenance")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect();
    for (field, values) in fields_of(own) {
        let is_stated = stated.iter().any(|key| key == "*" || is_within(&field, key));
        let changed = before.get(&field) != Some(&spec.fields().remove(&field).unwrap_or(values));
        if changed && !is_stated && !CHOSEN.contains(&field.as_str()) {
            spec.provenance.insert(field, Entry::user(format!("set in this file, which extends '{name}'")));
        }
    }
    // The base's sources of what this chip no longer has.
    let fields = spec.fields();
    spec.provenance.retain(|key, _| {
        key == "*" || NO_NUMBERS.contains(&key.as_str()) || fields.keys().any(|field| is_within(field, key))
    });
}

/// Says of each number that differs from the built-in chip whose source stands beside it that the user
/// has set it: the file is a copy.
fn mark_copies(spec: &mut ChipSpec) {
    let same = |value: &[Value], field: &str, base: &ChipSpec| {
        base.fields().get(field).is_some_and(|other| other == value)
    };
    let mut changed = vec![];
    for (field, values) in spec.fields() {
        if CHOSEN.contains(&field.as_str()) || values.iter().all(Value::is_null) {
            continue;
        }
        let Some((key, entry)) = spec.entry(&field) else { continue };
        let bases: Vec<_> = KNOWN
            .iter()
            .filter(|base| base.provenance.get(key) == Some(entry) && base.fields().contains_key(&field))
            .collect();
        if let Some(first) = bases.first().filter(|_| !bases.iter().any(|base| same(&values, &field, base))) {
            changed.push((field, first.name.clone()));
        }
    }
    for (field, base) in changed {
        spec.provenance.insert(
            field,
            Entry::user(format!("set in this file; the source beside it was that of '{base}'")),
        );
    }
}

/// The lines of a file, to say where its fields are.
struct Lines<'a> {
    text: &'a str,
    document: &'a DeTable<'a>,
}

impl Lines<'_> {
    /// The line of the field at a path, or of the nearest table around it; none if the file has neither.
    fn of(&self, path: &[String]) -> Option<usize> {
        let mut found = None;
        let mut table = Some(self.document);
        for key in path {
            let Some((name, value)) =
                table.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key))
            else {
                break;
            };
            found = Some(name.span().start);
            table = match value.get_ref() {
                DeValue::Table(table) => Some(table),
                _ => None,
            };
        }
        found.map(|start| self.text[..start].matches('\n').count() + 1)
    }

    /// What the file says at a path; none if that is long, or not there.
    fn value(&self, path: &[String]) -> Option<String> {
        let (key, tables) = path.split_last()?;
        let table = tables.iter().try_fold(self.document, |table, key| {
            match table.iter().find(|(name, _)| name.get_ref() == key)?.1.get_ref() {
                DeValue::Table(table) => Some(table),
                _ => None,
            }
        })?;
        let (_, value) = table.iter().find(|(name, _)| name.get_ref() == key)?;
        let told = self.text.get(value.span())?;
        (told.len() <= 60 && !told.contains('\n')).then(|| told.to_owned())
    }
}

#[cfg(test)]
mod tests;
