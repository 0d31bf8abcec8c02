//! Encrypting an answer so that only who asked can read it.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use systemprompt_users_application::SystemEntropy;
use systemprompt_users_domain::Entropy;

/// Parts this use of the secret from all others.
const PURPOSE: &[u8] = b"systemprompt-users remembered answer 1";

/// Seals and opens the answer to one request of one caller.
pub(super) struct Seal {
    key: LessSafeKey,
    request_hash: [u8; 32],
}

impl Seal {
    /// The key is made of the caller's `secret`, of which there are 256 random bits, and of the key that the
    /// request was sent under. What is sealed belongs to the request of that hash.
    pub(super) fn new(secret: &str, idempotency_key: &str, request_hash: [u8; 32]) -> Option<Self> {
        let prk = Salt::new(HKDF_SHA256, PURPOSE).extract(secret.as_bytes());
        let info = [idempotency_key.as_bytes()];
        let okm = prk.expand(&info, &AES_256_GCM).ok()?;
        Some(Self { key: LessSafeKey::new(UnboundKey::from(okm)), request_hash })
    }

    /// The nonce, and then the encrypted text with its tag.
    pub(super) fn close(&self, mut plain: Vec<u8>) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemEntropy.fill(&mut nonce);
        let aad = Aad::from(self.request_hash);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(unique, aad, &mut plain).ok()?;
        Some([&nonce[..], &plain].concat())
    }

    /// `None` when it was sealed with another secret, for another request, or changed since.
    pub(super) fn open(&self, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.key.open_in_place(nonce, Aad::from(self.request_hash), text).ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_key_and_request_open_it() {
        let seal = |secret, key, hash| Seal::new(secret, key, [hash; 32]).unwrap();
        let sealed = seal("s", "k", 1).close(b"answer".to_vec()).unwrap();
        assert_eq!(seal("s", "k", 1).open(sealed.clone()).unwrap(), b"answer");
        for other in [seal("t", "k", 1), seal("s", "l", 1), seal("s", "k", 2)] {
            assert!(other.open(sealed.clone()).is_none());
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(seal("s", "k", 1).open(changed).is_none(), "{place}");
            assert!(seal("s", "k", 1).open(sealed[..place].to_vec()).is_none());
        }
        assert!(!sealed.windows(6).any(|window| window == b"answer"));
        assert_ne!(sealed, seal("s", "k", 1).close(b"answer".to_vec()).unwrap(), "the nonce");
    }
}
