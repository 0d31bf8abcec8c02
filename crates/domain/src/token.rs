//! Secrets that are given out once and kept only as a hash.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{Entropy, UserError};

const SECRET_BYTES: usize = 32;
/// How many characters of base64 are looked at, and the bytes that they come to.
const MAX_CHARS: usize = 64;
const MAX_BYTES: usize = MAX_CHARS / 4 * 3;
const HASH_BYTES: usize = 32;

/// A 256-bit random secret: a session's or an anonymous visitor's. It is shown once, by
/// [`Token::reveal`]; `Debug` hides it.
///
/// ```
/// # use systemprompt_users_domain::{Entropy, Token};
/// # struct Random; impl Entropy for Random { fn fill(&self, b: &mut [u8]) { b.fill(7) } }
/// let token = Token::generate(&Random);
/// let sent: Token = token.reveal().parse()?;
/// assert_eq!(sent.hash(), token.hash());
/// assert_eq!(format!("{token:?}"), "Token(..)");
/// # Ok::<(), systemprompt_users_domain::UserError>(())
/// ```
#[derive(Clone)]
pub struct Token([u8; SECRET_BYTES]);

impl Token {
    /// Makes a new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut secret = [0; SECRET_BYTES];
        entropy.fill(&mut secret);
        Self(secret)
    }

    /// The secret as text of 43 characters (base64, URL-safe): for the client, never for a log.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl FromStr for Token {
    type Err = UserError;

    /// Reads what a client sent; the error does not repeat it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed =
            || UserError::validation("token", "expected 43 characters of URL-safe base64");
        if text.len() > MAX_CHARS {
            return Err(malformed());
        }
        let mut bytes = [0; MAX_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| malformed())?;
        let secret = bytes.get(..length).and_then(|bytes| bytes.try_into().ok());
        secret.map(Self).ok_or_else(malformed)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The SHA-256 of a [`Token`]; two are compared in constant time.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; HASH_BYTES]);

impl TokenHash {
    /// The stored bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Takes stored bytes.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}
