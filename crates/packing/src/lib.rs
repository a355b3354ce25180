//! Chunks of a file, each a frame of zstd that is read only as far as it may expand.
#![forbid(unsafe_code)]

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::Read;
use thiserror::Error;

/// Why a chunk cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unpackable {
    /// It does not begin as frames do.
    #[error("a chunk does not begin as zstd's frames do")]
    Foreign,
    /// Its bytes make no sense, or there are too few.
    #[error("a chunk cannot be expanded")]
    Damaged,
    /// Its sum is another.
    #[error("a chunk's sum is wrong")]
    Sum,
    /// It is longer than it may be.
    #[error("a chunk is too long")]
    TooLong,
}

/// Makes a chunk of bytes. The same bytes give the same chunk.
#[must_use]
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// What the chunk holds that begins here, if that is no more than so many bytes. Nothing behind it is read.
///
/// # Errors
/// [`Unpackable`].
pub fn unpack(from: &mut impl Read, most: u64) -> Result<Vec<u8>, Unpackable> {
    let mut bytes = Vec::new();
    let mut frame = StreamingDecoder::new(from).map_err(|_| Unpackable::Foreign)?;
    (&mut frame).take(most + 1).read_to_end(&mut bytes).map_err(|_| Unpackable::Damaged)?;
    if bytes.len() as u64 > most {
        return Err(Unpackable::TooLong); // nobody wants the rest, nor what it sums to
    }
    let (said, found) = (frame.decoder.get_checksum_from_data(), frame.decoder.get_calculated_checksum());
    if said.is_some() && said != found { Err(Unpackable::Sum) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_no_more_is_read() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let two = [pack(&bytes), pack(b"more")].concat();
        let mut from = two.as_slice();
        assert_eq!(unpack(&mut from, 400_000).as_ref(), Ok(&bytes));
        assert_eq!(unpack(&mut from, 400_000), Ok(b"more".to_vec()));
        assert!(from.is_empty());
        assert_eq!(unpack(&mut two.as_slice(), 399_999), Err(Unpackable::TooLong));
    }

    #[test]
    fn what_is_none_is_an_error() {
        let packed = pack(b"some bytes that are packed");
        assert_eq!(unpack(&mut &b"no frame at all"[..], 100), Err(Unpackable::Foreign));
        assert_eq!(unpack(&mut &packed[..packed.len() - 5], 100), Err(Unpackable::Damaged));
        let mut other = packed.clone();
        *other.last_mut().expect("a byte") ^= 1;
        assert_eq!(unpack(&mut other.as_slice(), 100), Err(Unpackable::Sum));
    }
}
