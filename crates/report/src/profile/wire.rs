//! How addresses and bytes are written in JSON.

/// A linear address as a number.
pub(super) mod linear {
    use arch::LinearAddr;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(in crate::profile) fn serialize<S: Serializer>(la: &LinearAddr, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(la.0)
    }

    pub(in crate::profile) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<LinearAddr, D::Error> {
        u64::deserialize(from).map(LinearAddr)
    }
}

/// Bytes as a text of hexadecimal digits.
pub(super) mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;
    use std::fmt::Write;

    pub(in crate::profile) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(2 * bytes.len());
        bytes.iter().for_each(|byte| {
            let _ = write!(text, "{byte:02x}");
        });
        to.serialize_str(&text)
    }

    pub(in crate::profile) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        let pairs = text.as_bytes().chunks(2);
        let byte = |pair: &[u8]| match pair {
            &[high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        pairs.map(|pair| byte(pair).ok_or_else(|| D::Error::custom("expected pairs of hexadecimal digits"))).collect()
    }

    fn digit(character: u8) -> Option<u8> {
        char::from(character).to_digit(16).map(|digit| digit as u8)
    }
}
