//! The token of a grant: what the page hands to the shop's backend. Compact: two parts in base64url, what is promised as JSON and an
//! Ed25519 signature of it by the key of receipts (`GET /v1/erase/key`), so that a backend can read and check it by itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature as Signed, VerifyingKey};
use serde::{Deserialize, Serialize};
use waver_schema::{Currency, DecisionId, GrantId, OfferId, OfferKind, PublicKey, SigningKeyId, SiteKey, WIRE_VERSION};

use crate::receipt::Signer;

/// What is signed begins with this, so that a signature of ours over anything else is never taken for a grant.
const CONTEXT: &str = "waver grant v1\n";
/// Most characters of a token; the longest that is made has some 600.
pub(crate) const TOKEN_CHARS: usize = 2048;

/// What a token says. The fields stand in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) v: u16,
    pub(crate) site: SiteKey,
    pub(crate) grant: GrantId,
    pub(crate) offer: OfferId,
    pub(crate) kind: OfferKind,
    /// As in [`waver_schema::Offer::value`].
    pub(crate) value: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<Currency>,
    pub(crate) decision: DecisionId,
    /// Unix milliseconds of the collector's clock.
    pub(crate) expires_at: u64,
    /// The key that signed.
    pub(crate) key: SigningKeyId,
}

impl Token {
    /// The text that the page gets.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which it always can.
    pub(crate) fn signed(&self, signer: &Signer) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string(self)?;
        let signature = signer.signature(format!("{CONTEXT}{json}").as_bytes());
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(&json), URL_SAFE_NO_PAD.encode(signature.as_bytes())))
    }

    /// Reads a token that the holder of `key` signed; `None` for any other text.
    pub(crate) fn verified(text: &str, key: &PublicKey) -> Option<Token> {
        if text.len() > TOKEN_CHARS {
            return None;
        }
        let (json, signature) = text.split_once('.')?;
        let json = String::from_utf8(URL_SAFE_NO_PAD.decode(json).ok()?).ok()?;
        let signature = Signed::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let verifying = VerifyingKey::from_bytes(key.as_bytes()).ok()?;
        verifying.verify_strict(format!("{CONTEXT}{json}").as_bytes(), &signature).ok()?;
        serde_json::from_str(&json).ok().filter(|token: &Token| token.v == WIRE_VERSION)
    }
}

#[cfg(test)]
mod tests {
    use waver_store::SecretKey;

    use super::*;

    fn token(signer: &Signer) -> Token {
        Token {
            v: WIRE_VERSION,
            site: SiteKey::parse("demo").expect("valid"),
            grant: GrantId::from_bytes([1; 16]),
            offer: OfferId::parse("five-euros").expect("valid"),
            kind: OfferKind::Amount,
            value: 500,
            currency: Some(Currency::new("EUR").expect("valid")),
            decision: DecisionId::from_bytes([2; 16]),
            expires_at: 1_800_000_000_000,
            key: signer.key().key,
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_signed_and_every_changed_character_is_found() {
        let signer = Signer::new(&SecretKey::from_bytes([7; 32]));
        let key = signer.key().public_key;
        let text = token(&signer).signed(&signer).expect("signs");
        assert!(text.len() < 700, "{}", text.len());
        assert_eq!(Token::verified(&text, &key), Some(token(&signer)));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(Token::verified(&changed, &key), None, "character {at}");
        }
        let other = Signer::new(&SecretKey::from_bytes([8; 32])).key().public_key;
        assert_eq!(Token::verified(&text, &other), None);
        // A receipt's signature is none of a grant: what is signed begins otherwise.
        let json = serde_json::to_string(&token(&signer)).expect("JSON");
        let bare = signer.signature(json.as_bytes());
        let forged = format!("{}.{}", URL_SAFE_NO_PAD.encode(&json), URL_SAFE_NO_PAD.encode(bare.as_bytes()));
        assert_eq!(Token::verified(&forged, &key), None);
    }
}
