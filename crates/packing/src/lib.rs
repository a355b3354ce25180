//! Chunks of a file, each a frame of Zstandard or LZ4 that is read only as far as it may expand.
#![forbid(unsafe_code)]

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::{self, Read, Write};
use thiserror::Error;

/// Why a chunk cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unpackable {
    /// It does not begin as frames do.
    #[error("a chunk does not begin as frames of zstd or LZ4 do")]
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

/// How each frame of LZ4 begins.
const LZ4: [u8; 4] = 0x184d_2204_u32.to_le_bytes();

/// How a chunk is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Zstandard, which makes it small.
    Zstd,
    /// LZ4, which is several times as quick, both ways.
    Lz4,
}

impl Codec {
    /// That of a chunk that begins so.
    #[must_use]
    pub const fn of(magic: [u8; 4]) -> Self {
        match magic {
            LZ4 => Self::Lz4,
            _ => Self::Zstd,
        }
    }
}

/// Makes a chunk of bytes. The same bytes give the same chunk.
#[must_use]
pub fn pack(bytes: &[u8], codec: Codec) -> Vec<u8> {
    match codec {
        Codec::Zstd => compress_to_vec(bytes, CompressionLevel::Fastest),
        Codec::Lz4 => lz4(bytes).expect("a vector takes all"),
    }
}

fn lz4(bytes: &[u8]) -> Result<Vec<u8>, lz4_flex::frame::Error> {
    let info = FrameInfo::new().block_size(BlockSize::Max256KB).block_mode(BlockMode::Linked).content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What the chunk holds that begins here, however it was packed, if that is no more than so many bytes. Nothing behind it is read.
///
/// # Errors
/// [`Unpackable`].
pub fn unpack(from: &mut impl Read, most: u64) -> Result<Vec<u8>, Unpackable> {
    let mut magic = [0; 4];
    from.read_exact(&mut magic).map_err(|_| Unpackable::Foreign)?;
    let whole = magic.chain(from);
    match Codec::of(magic) {
        Codec::Lz4 => unpack_lz4(whole, most),
        Codec::Zstd => unpack_zstd(whole, most),
    }
}

fn unpack_zstd(from: impl Read, most: u64) -> Result<Vec<u8>, Unpackable> {
    let mut bytes = Vec::new();
    let mut frame = StreamingDecoder::new(from).map_err(|_| Unpackable::Foreign)?;
    (&mut frame).take(most + 1).read_to_end(&mut bytes).map_err(|_| Unpackable::Damaged)?;
    if bytes.len() as u64 > most {
        return Err(Unpackable::TooLong); // nobody wants the rest, nor what it sums to
    }
    let (said, found) = (frame.decoder.get_checksum_from_data(), frame.decoder.get_calculated_checksum());
    if said.is_some() && said != found { Err(Unpackable::Sum) } else { Ok(bytes) }
}

fn unpack_lz4(from: impl Read, most: u64) -> Result<Vec<u8>, Unpackable> {
    let mut bytes = Vec::new();
    FrameDecoder::new(Endless(from)).take(most + 1).read_to_end(&mut bytes).map_err(|error| {
        match error.get_ref().and_then(|cause| cause.downcast_ref()) {
            Some(lz4_flex::frame::Error::ContentChecksumError) => Unpackable::Sum,
            _ => Unpackable::Damaged,
        }
    })?;
    if bytes.len() as u64 > most { Err(Unpackable::TooLong) } else { Ok(bytes) }
}

/// What has no end but an error. The decoder takes a frame that ends too early for one that is complete.
struct Endless<R>(R);

impl<R: Read> Read for Endless<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::Error::other("it is cut off")),
            length => Ok(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: [Codec; 2] = [Codec::Zstd, Codec::Lz4];

    #[test]
    fn what_is_packed_is_unpacked_and_no_more_is_read() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for codec in CODECS {
            let packed = pack(&bytes, codec);
            assert!(packed.len() < bytes.len() / 2, "{codec:?}: {}", packed.len());
            let two = [packed, pack(b"more", codec)].concat();
            let mut from = two.as_slice();
            assert_eq!(unpack(&mut from, 400_000).as_ref(), Ok(&bytes), "{codec:?}");
            assert_eq!(unpack(&mut from, 400_000), Ok(b"more".to_vec()), "{codec:?}");
            assert!(from.is_empty(), "{codec:?}");
            assert_eq!(unpack(&mut two.as_slice(), 399_999), Err(Unpackable::TooLong), "{codec:?}");
            assert_eq!(unpack(&mut &pack(b"", codec)[..], 0), Ok(Vec::new()), "{codec:?}");
        }
    }

    #[test]
    fn what_is_none_is_an_error() {
        assert_eq!(unpack(&mut &b"no frame at all"[..], 100), Err(Unpackable::Foreign));
        assert_eq!(unpack(&mut &b""[..], 100), Err(Unpackable::Foreign));
        for codec in CODECS {
            let packed = pack(b"some bytes that are packed", codec);
            for length in 4..packed.len() {
                assert!(unpack(&mut &packed[..length], 100).is_err(), "{codec:?}: {length} of {}", packed.len());
            }
            let mut other = packed.clone();
            *other.last_mut().expect("a byte") ^= 1;
            assert_eq!(unpack(&mut other.as_slice(), 100), Err(Unpackable::Sum), "{codec:?}");
        }
    }
}
