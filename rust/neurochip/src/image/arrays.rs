//! Typed views of an image's binary part: little endian, copied out except for 8-bit weights.

use super::description::{Blob, Numbers};

/// The bytes of `count` elements of `width` bytes, if the binary part has them.
pub(super) fn bytes_of(blob: &[u8], range: Blob, width: u64) -> Option<&[u8]> {
    let stop = range.count.checked_mul(width)?.checked_add(range.offset)?;
    blob.get(usize::try_from(range.offset).ok()?..usize::try_from(stop).ok()?)
}

fn decode<const WIDTH: usize, T>(blob: &[u8], range: Blob, read: fn([u8; WIDTH]) -> T) -> Vec<T> {
    let bytes = bytes_of(blob, range, WIDTH as u64).expect("ranges were checked when the image was made");
    bytes.chunks_exact(WIDTH).map(|chunk| read(chunk.try_into().expect("chunks are exact"))).collect()
}

/// 8-bit weights, in place.
pub(crate) fn view_i8(blob: &[u8], range: Blob) -> &[i8] {
    bytemuck::cast_slice(bytes_of(blob, range, 1).expect("ranges were checked when the image was made"))
}

/// 16-bit weights.
pub(crate) fn read_i16(blob: &[u8], range: Blob) -> Vec<i16> {
    decode(blob, range, i16::from_le_bytes)
}

/// Numbers of at most 32 bits.
pub(crate) fn read_i32(blob: &[u8], numbers: Numbers) -> Vec<i32> {
    let range = numbers.range();
    match numbers.bytes {
        1 => decode(blob, range, |bytes| i8::from_le_bytes(bytes).into()),
        2 => decode(blob, range, |bytes| i16::from_le_bytes(bytes).into()),
        _ => decode(blob, range, i32::from_le_bytes),
    }
}

/// Numbers of any width.
pub(crate) fn read_i64(blob: &[u8], numbers: Numbers) -> Vec<i64> {
    match numbers.bytes {
        8 => decode(blob, numbers.range(), i64::from_le_bytes),
        _ => read_i32(blob, numbers).into_iter().map(i64::from).collect(),
    }
}
