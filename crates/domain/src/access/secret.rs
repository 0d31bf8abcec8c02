//! The secret of an API key, as its holder sends it.

use std::fmt;
use std::str::FromStr;

use crate::{Entropy, Token, TokenHash, UserError};

/// What every secret begins with, so that scanners for leaked secrets can tell one.
const MARK: &str = "spu_";
const PREFIX_CHARS: usize = 8;
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// `spu_<prefix>_<secret>`: 8 small letters and digits that the key is looked up by, and 256 random bits. It
/// is shown once, by [`ApiKeySecret::reveal`]; `Debug` hides it.
///
/// ```
/// # use systemprompt_users_domain::{ApiKeySecret, Entropy};
/// # struct Random; impl Entropy for Random { fn fill(&self, b: &mut [u8]) { b.fill(7) } }
/// let secret = ApiKeySecret::generate(&Random);
/// let sent: ApiKeySecret = secret.reveal().parse()?;
/// assert_eq!((sent.prefix(), sent.hash()), (secret.prefix(), secret.hash()));
/// assert_eq!(format!("{secret:?}"), "ApiKeySecret(..)");
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Clone)]
pub struct ApiKeySecret {
    prefix: [u8; PREFIX_CHARS],
    token: Token,
}

impl ApiKeySecret {
    /// Makes a new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let mut rest = u64::from_le_bytes(random);
        let prefix = std::array::from_fn(|_| {
            let digit = usize::try_from(rest % 36).ok().and_then(|place| DIGITS.get(place));
            rest /= 36;
            digit.copied().unwrap_or(b'0')
        });
        Self { prefix, token: Token::generate(entropy) }
    }

    /// The secret as text of 56 characters: for the client, never for a log.
    pub fn reveal(&self) -> String {
        format!("{MARK}{}_{}", self.prefix(), self.token.reveal())
    }

    /// The part that is no secret.
    pub fn prefix(&self) -> &str {
        // Nothing but small letters and digits is ever in it.
        str::from_utf8(&self.prefix).unwrap_or_default()
    }

    /// What is kept of the part that is.
    pub fn hash(&self) -> TokenHash {
        self.token.hash()
    }
}

impl FromStr for ApiKeySecret {
    type Err = UserError;

    /// Reads what a client sent; the error does not repeat it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || {
            UserError::validation("key", "expected spu_, 8 letters or digits, _ and 43 characters")
        };
        let (prefix, token) =
            text.strip_prefix(MARK).and_then(|rest| rest.split_once('_')).ok_or_else(malformed)?;
        let prefix = prefix.as_bytes().try_into().ok().filter(is_prefix).ok_or_else(malformed)?;
        let token = token.parse().map_err(|_| malformed())?;
        Ok(Self { prefix, token })
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(..)")
    }
}

fn is_prefix(text: &[u8; PREFIX_CHARS]) -> bool {
    text.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_secret_has_the_promised_form() {
        // All ones is base64 of underscores: they do not end the prefix.
        let text = ApiKeySecret::generate(&Fixed(0xff)).reveal();
        assert_eq!(text.len(), 56);
        assert!(text.ends_with("__________8"), "{text}");
        assert_eq!(text.parse::<ApiKeySecret>().unwrap().reveal(), text);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let good = ApiKeySecret::generate(&Fixed(9)).reveal();
        let upper = good.to_uppercase();
        let long = "spu_".to_owned() + &"a".repeat(1_000_000);
        for bad in ["", "spu_", "spu_abcdefgh_", "spu_abcd_hunter2", &good[1..], &upper, &long] {
            let error = bad.parse::<ApiKeySecret>().unwrap_err();
            assert_eq!(error.field(), Some("key"));
            assert!(!error.to_string().contains("hunter2"));
        }
        for end in 0..good.len() {
            assert!(good[..end].parse::<ApiKeySecret>().is_err());
        }
    }
}
