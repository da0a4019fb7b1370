//! Profiles: other numbers for the same chip, each set from a source of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::overrides::find;
use super::provenance::{Entry, is_within};
use super::{ChipSpec, Error};

/// Values that one source gives where the chip file has those of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// One line: where the numbers come from.
    pub source: String,
    /// Dotted fields and what they are.
    pub values: BTreeMap<String, Value>,
    /// Where each of these values comes from, as in the chip's own table.
    pub provenance: BTreeMap<String, Entry>,
}

/// The field that names the profile of a chip.
pub(super) const FIELD: &str = "profile";

/// The chip with the values of one of its profiles. The result may be impossible hardware: check it.
pub(super) fn choose(spec: &ChipSpec, name: &str) -> Result<ChipSpec, Error> {
    if spec.profile.as_deref() == Some(name) {
        return Ok(spec.clone());
    }
    let refused = |reason| Error::Override { field: FIELD.to_owned(), reason };
    let profile = spec.profiles.get(name).ok_or_else(|| refused(unknown(spec, name)))?;
    let mut chip = serde_json::to_value(spec).expect("a chip is plain data");
    for (field, value) in &profile.values {
        *find(&mut chip, field).map_err(refused)? = value.clone();
    }
    let mut chosen: ChipSpec =
        serde_json::from_value(chip).map_err(|error| refused(format!("{name}: {error}")))?;
    let is_replaced = |key: &String| profile.values.keys().any(|field| is_within(key, field));
    chosen.provenance.retain(|key, _| !is_replaced(key));
    chosen.provenance.extend(profile.provenance.clone());
    chosen.source.clone_from(&profile.source);
    chosen.profile = Some(name.to_owned());
    chosen.profiles.remove(name);
    let is_sourced = |field: &&String| profile.provenance.keys().any(|key| is_within(field, key));
    let unsourced: Vec<_> = profile.values.keys().filter(|field| !is_sourced(field)).cloned().collect();
    if unsourced.is_empty() { Ok(chosen) } else { Err(Error::Unsourced(unsourced)) }
}

/// That a chip has no such profile, and which it has.
fn unknown(spec: &ChipSpec, name: &str) -> String {
    let known = spec.profile.iter().chain(spec.profiles.keys()).map(|known| format!("`{known}`"));
    let known = known.collect::<Vec<_>>().join(", ");
    let expected =
        if known.is_empty() { "it has none".to_owned() } else { format!("expected one of {known}") };
    format!("'{}' has no profile '{name}', {expected}", spec.name)
}
