//! Why a chip description was rejected.

use std::fmt;

use thiserror::Error;

/// Why a chip description was rejected; all problems of a kind at once.
#[derive(Debug, Error)]
pub enum Error {
    /// Not TOML, or not this schema. The message carries the line, the column and a caret.
    #[error("{}", .0.to_string().trim_end())]
    Syntax(#[from] toml::de::Error),
    /// The description in an image is not this schema.
    #[error("not a chip description: {0}")]
    Json(#[from] serde_json::Error),
    /// Values that the schema admits and no hardware can have.
    #[error("{}", lines(.0))]
    OutOfRange(Vec<OutOfRange>),
    /// Fields whose values come from nowhere.
    #[error("no provenance for {}", quoted(.0))]
    Unsourced(Vec<String>),
    /// Provenance of fields that do not exist.
    #[error("provenance names no field of a chip: {}", quoted(.0))]
    UnknownProvenance(Vec<String>),
    /// A field to be set for one run that does not exist, or not to this value.
    #[error("cannot set `{field}`: {reason}")]
    Override {
        /// The dotted path as given.
        field: String,
        /// What is wrong with it, or with the value.
        reason: String,
    },
}

/// A value that no hardware can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfRange {
    /// Dotted path of the field.
    pub field: String,
    /// What the file says.
    pub value: String,
    /// What would be accepted.
    pub expected: String,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, expected } = self;
        write!(formatter, "`{field}` is {value}, expected {expected}")
    }
}

fn lines(problems: &[OutOfRange]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn quoted(fields: &[String]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}
