//! Why a chip description was rejected.

use std::fmt;

use thiserror::Error;

/// Why a chip description was rejected; all problems of a kind at once.
#[derive(Debug, Error)]
pub enum Error {
    /// Not TOML, or not this schema. The message carries the line, the column and a caret.
    #[error("{}", with_short_lines(&.0.to_string()))]
    Syntax(#[from] toml::de::Error),
    /// More text than a chip file has.
    #[error("the file has {0} bytes, expected {max} or fewer", max = super::MAX_FILE_BYTES)]
    TooLong(usize),
    /// Fields that the schema does not have, that it needs, or of the wrong type.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
    /// A chip that cannot be extended.
    #[error("`extends` is {given}, expected one of the built-in chips {}", quoted(.known))]
    UnknownBase {
        /// What the file says.
        given: String,
        /// Those that can be extended.
        known: Vec<String>,
    },
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

/// What is wrong with a field of a chip file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file; none where it has no such field.
    pub line: Option<usize>,
    /// The rest.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "line {line}: {}", self.what),
            None => formatter.write_str(&self.what),
        }
    }
}

fn lines(problems: &[impl fmt::Display]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A caret helps nobody after a line of 100,000 characters.
fn with_short_lines(told: &str) -> String {
    let short = |line: &str| match line.char_indices().nth(200) {
        Some((end, _)) => format!("{} ...", line[..end].trim_end()),
        None => line.to_owned(),
    };
    told.trim_end().lines().map(short).collect::<Vec<_>>().join("\n")
}

fn quoted(fields: &[String]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}

/// What Rust expects, in words.
pub(super) fn in_words(expected: &str) -> String {
    let word = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text",
        "a sequence" => "a list",
        "a map" => "a table",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("string or map") => "one of its words",
        _ => expected,
    };
    word.replace("an array of length", "a list of").replace("a tuple of size", "a list of")
}
