//! Image: what is loaded into the chip, as bytes and as checked tables.
//!
//! A file is `MAGIC`, version, two lengths, the SHA-256 of what follows, the deflated description
//! and the binary part. An [`Image`] that exists is valid: nothing after this door checks an index again.

pub(crate) mod arrays;
pub(crate) mod blocks;
mod check;
pub mod description;
pub mod spike_code;

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use sha2::{Digest, Sha256};
use thiserror::Error;

use description::Description;

const MAGIC: &[u8; 8] = b"NEUROIMG";
/// Version of the file format that this build writes and reads.
pub const VERSION: u32 = 5;
const HEADER: usize = 8 + 4 + 8 + 8 + 32;
/// A description is a few bytes per tile: this guards against a file that inflates without end.
const MAX_DESCRIPTION: u64 = 1 << 28;

/// Why bytes are not an image.
#[derive(Debug, Error)]
pub enum Error {
    /// It does not start as one.
    #[error("not a neurochip image (its first bytes are not `NEUROIMG`)")]
    Foreign,
    /// It was written by another version.
    #[error("image format version {found}, this neurochip reads version {VERSION}")]
    Version {
        /// What the file says.
        found: u32,
    },
    /// Bytes are missing or too many.
    #[error("image has {found} bytes, its header says {expected}")]
    Length {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// The checksum differs.
    #[error("image was altered: its SHA-256 is not the one in its header")]
    Altered,
    /// The description is not this schema.
    #[error("image description: {0}")]
    Description(String),
    /// The description contradicts itself, its chip or its binary part.
    #[error("image description: {0}")]
    Invalid(String),
}

/// A network loaded for a chip. Valid by construction.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    description: Description,
    blob: Vec<u8>,
}

impl Image {
    /// Checks a description (JSON) and its binary part.
    ///
    /// # Errors
    /// A description that is not this schema, or that contradicts itself, its chip or its binary part.
    pub fn new(description: &str, blob: Vec<u8>) -> Result<Self, Error> {
        let description = serde_json::from_str(description).map_err(|e| Error::Description(e.to_string()))?;
        check::check(&description, &blob)?;
        Ok(Self { description, blob })
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// Bytes that are no image file, or of another version, or not those that were written; and what
    /// [`Image::new`] refuses.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let found = bytes.len() as u64;
        if bytes.is_empty() || !bytes.iter().zip(MAGIC).all(|(byte, magic)| byte == magic) {
            return Err(Error::Foreign);
        }
        if bytes.len() < HEADER {
            return Err(Error::Length { found, expected: HEADER as u64 });
        }
        let version = u32::from_le_bytes(field(bytes, 8));
        if version != VERSION {
            return Err(Error::Version { found: version });
        }
        let packed_length = u64::from_le_bytes(field(bytes, 12));
        let blob_length = u64::from_le_bytes(field(bytes, 20));
        let expected = packed_length.saturating_add(blob_length).saturating_add(HEADER as u64);
        if found != expected {
            return Err(Error::Length { found, expected });
        }
        if Sha256::digest(&bytes[HEADER..])[..] != bytes[28..HEADER] {
            return Err(Error::Altered);
        }
        let (packed, blob) = bytes[HEADER..].split_at(packed_length as usize);
        Self::new(&inflate(packed)?, blob.to_vec())
    }

    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(vec![], Compression::best());
        let text = self.description_json();
        encoder.write_all(text.as_bytes()).expect("writing to memory cannot fail");
        let packed = encoder.finish().expect("writing to memory cannot fail");
        let digest = Sha256::new().chain_update(&packed).chain_update(&self.blob).finalize();
        let mut bytes = Vec::with_capacity(HEADER + packed.len() + self.blob.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(packed.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.blob.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&digest);
        bytes.extend_from_slice(&packed);
        bytes.extend_from_slice(&self.blob);
        bytes
    }

    /// What it says.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What it says, as JSON.
    pub fn description_json(&self) -> String {
        serde_json::to_string(&self.description).expect("a description has only string keys")
    }

    /// Its binary part.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Bytes of weights, constants and tables.
    pub fn blob_bytes(&self) -> usize {
        self.blob.len()
    }
}

/// What a description may say: its fields, its variants and what they mean, as JSON Schema.
pub fn schema_json() -> String {
    schemars::schema_for!(Description).as_value().to_string()
}

fn field<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    bytes[start..start + N].try_into().expect("the header was measured")
}

fn inflate(packed: &[u8]) -> Result<String, Error> {
    let mut text = String::new();
    let mut decoder = DeflateDecoder::new(packed).take(MAX_DESCRIPTION);
    decoder.read_to_string(&mut text).map_err(|e| Error::Description(e.to_string()))?;
    Ok(text)
}
