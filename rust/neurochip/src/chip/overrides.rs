//! Setting fields of a chip for one run.

use serde_json::Value;

use super::error::in_words;
use super::provenance::{Entry, SET_FOR_THIS_RUN, is_within};
use super::{ChipSpec, Error};

/// What a field is set to that shall have no value.
const NONE: &str = "none";

/// The chip with one field set. The result may be impossible hardware: check it.
pub(super) fn set(spec: &ChipSpec, field: &str, text: &str) -> Result<ChipSpec, Error> {
    let refused = |reason| Error::Override { field: field.to_owned(), reason };
    let mut chip = serde_json::to_value(spec).expect("a chip is plain data");
    *find(&mut chip, field).map_err(refused)? = parse(text).map_err(refused)?;
    let named = without_indices(field);
    let mut replaced = vec![];
    if let Some((_, others)) = alternatives().into_iter().find(|(one, _)| *one == named && text != NONE) {
        let table = field.rsplit_once('.').map_or("", |(table, _)| table);
        for other in others {
            let other_field = other.rsplit_once('.').map_or(*other, |(_, name)| name);
            *find(&mut chip, &format!("{table}.{other_field}")).map_err(refused)? = Value::Null;
            replaced.push(*other);
        }
    }
    let mut spec: ChipSpec = serde_json::from_value(chip).map_err(|error| refused(told(&error)))?;
    spec.provenance.retain(|key, _| !replaced.contains(&key.as_str()));
    spec.provenance.retain(|key, _| !is_within(key, &named));
    if !["name", "source"].contains(&field) && text != NONE {
        spec.provenance.insert(named, Entry::Text(SET_FOR_THIS_RUN.to_owned()));
    }
    Ok(spec)
}

/// Fields that say the same in two ways: setting one takes the others away.
pub(super) fn alternatives() -> [(&'static str, &'static [&'static str]); 5] {
    [
        ("sync.tick_us", &["sync.tick_cycles"]),
        ("sync.tick_cycles", &["sync.tick_us"]),
        ("io.at", &["io.x", "io.y"]),
        ("io.x", &["io.at"]),
        ("io.y", &["io.at"]),
    ]
}

/// What serde says of a value, in words.
fn told(error: &serde_json::Error) -> String {
    let told = error.to_string();
    match told.split_once(", expected ") {
        Some((found, expected)) => format!("{found}, expected {}", in_words(expected)),
        None => told,
    }
}

/// The value at a dotted path, or what was expected in its place.
pub(super) fn find<'a>(chip: &'a mut Value, path: &str) -> Result<&'a mut Value, String> {
    let mut value = chip;
    let mut walked = String::from("a chip");
    for key in path.split('.') {
        value =
            child(value, key).map_err(|expected| format!("{walked} has no `{key}`, expected {expected}"))?;
        walked = format!("`{key}`");
    }
    Ok(value)
}

/// The field or element of a value, or what was expected instead.
fn child<'a>(value: &'a mut Value, key: &str) -> Result<&'a mut Value, String> {
    match value {
        Value::Object(table) => {
            let accepted = table.keys().filter(|key| *key != "provenance").map(|key| format!("`{key}`"));
            let accepted = accepted.collect::<Vec<_>>().join(", ");
            let found = table.get_mut(key).filter(|_| key != "provenance");
            found.ok_or_else(|| format!("one of {accepted}"))
        }
        Value::Array(elements) => {
            let length = elements.len();
            let index = key.parse::<usize>().ok();
            index.and_then(|index| elements.get_mut(index)).ok_or_else(|| format!("an index below {length}"))
        }
        _ => Err("no more, as it is a value".to_owned()),
    }
}

/// A TOML value; a bare word is a string, so that a shell needs no second pair of quotes, and `none`
/// takes away what a field may be without.
fn parse(text: &str) -> Result<Value, String> {
    if text == NONE {
        return Ok(Value::Null);
    }
    let word = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if word && !["true", "false", "inf", "nan"].contains(&text) {
        return Ok(Value::String(text.to_owned()));
    }
    let refused = |reason: &str| format!("`{text}` is not a TOML value: {reason}");
    let value: toml::Value = toml::de::ValueDeserializer::parse(text)
        .and_then(serde::Deserialize::deserialize)
        .map_err(|error| refused(error.message()))?;
    serde_json::to_value(value).map_err(|error| refused(&error.to_string()))
}

/// The path as provenance knows it: `io.0.io_cycles` is `io.io_cycles`.
fn without_indices(path: &str) -> String {
    path.split('.').filter(|key| key.parse::<usize>().is_err()).collect::<Vec<_>>().join(".")
}
