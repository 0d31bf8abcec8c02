//! Text as a part of a path.

use std::fmt::Write;

/// Percent-encodes all but the letters, digits and marks that no path gives a meaning to.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string never fails.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_segment() {
        assert_eq!(segment("2001:db8::/32"), "2001:db8::%2F32");
        assert_eq!(segment("ä"), "%C3%A4");
    }
}
