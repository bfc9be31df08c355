//! Receipts of erasures: signed with Ed25519, and verified by anyone who has the public key.

use ed25519_dalek::{Signature as Signed, Signer as _, SigningKey, VerifyingKey};
use serde_json::Value;
use waver_schema::{PublicKey, Receipt, ReceiptKey, Signature, SignedReceipt, SigningKeyId};
use waver_store::SecretKey;

/// What is signed begins with this, so that a signature of ours over anything else is never taken for a receipt.
const CONTEXT: &str = "waver erasure receipt v1\n";

/// What a receipt says to people.
pub(crate) const STATEMENT: &str = "What the log held of this session was sealed under keys that are destroyed. Backups hold no keys, so \
     that it stays unreadable in them too. Sums that were still open no longer count it, but for the number of distinct sessions, which may \
     until the collector starts anew. Sums that had been closed keep it as one among others, and name nobody.";

/// Signs receipts.
pub(crate) struct Signer(SigningKey);

impl Signer {
    pub(crate) fn new(key: &SecretKey) -> Signer {
        Signer(SigningKey::from_bytes(key.as_bytes()))
    }

    /// Who signs.
    pub(crate) fn key(&self) -> ReceiptKey {
        let public_key = PublicKey::from_bytes(self.0.verifying_key().to_bytes());
        ReceiptKey { key: id_of(&public_key), public_key }
    }

    /// # Errors
    /// When it cannot be written as JSON, which a receipt always can.
    pub(crate) fn sign(&self, receipt: Receipt) -> Result<SignedReceipt, serde_json::Error> {
        let signature = Signature::from_bytes(self.0.sign(&signed_bytes(&receipt)?).to_bytes());
        Ok(SignedReceipt { receipt, signature })
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReceiptError {
    /// It is not one.
    #[error("it is not a receipt as GET /v1/erase/{{erasure}} gives it")]
    NotAReceipt,
    /// The key is not one.
    #[error("the key is none; it is the 64 digits of `public_key` at GET /v1/erase/key, or that answer in a file")]
    NotAKey,
    /// Signed under another key.
    #[error("it names the key {0}, and this is another one; was it made by another collector?")]
    OtherKey(SigningKeyId),
    /// Somebody changed it.
    #[error("its signature does not fit: it was changed, or never signed")]
    Forged,
}

/// Whether `json` is a receipt that the holder of `key` signed.
///
/// # Errors
/// [`ReceiptError`].
pub(crate) fn verify(json: &str, key: &PublicKey) -> Result<Receipt, ReceiptError> {
    let signed: SignedReceipt = serde_json::from_str(json).map_err(|_| ReceiptError::NotAReceipt)?;
    // What is beside what is known to a receipt is not signed, and must not look as if it were.
    let whole = serde_json::from_str(json).and_then(|whole: Value| Ok(whole == serde_json::to_value(&signed)?));
    if !whole.is_ok_and(|is_whole| is_whole) {
        return Err(ReceiptError::NotAReceipt);
    }
    let SignedReceipt { receipt, signature } = signed;
    let verifying = VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| ReceiptError::NotAKey)?;
    if receipt.key != id_of(key) {
        return Err(ReceiptError::OtherKey(receipt.key));
    }
    let bytes = signed_bytes(&receipt).map_err(|_| ReceiptError::NotAReceipt)?;
    verifying
        .verify_strict(&bytes, &Signed::from_bytes(signature.as_bytes()))
        .map(|()| receipt)
        .map_err(|_| ReceiptError::Forged)
}

fn signed_bytes(receipt: &Receipt) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = CONTEXT.as_bytes().to_vec();
    serde_json::to_writer(&mut bytes, receipt)?;
    Ok(bytes)
}

fn id_of(key: &PublicKey) -> SigningKeyId {
    let mut id = [0; 16];
    blake3::Hasher::new().update(key.as_bytes()).finalize_xof().fill(&mut id);
    SigningKeyId::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use waver_schema::{ErasedClass, ErasedRecords, ErasureId, LogChain, LogPoint, LogProof, Nonce, SiteKey};

    use super::*;

    fn receipt(key: SigningKeyId) -> Receipt {
        let point = |offset| LogPoint { chain: LogChain::from_bytes([offset as u8; 16]), offset };
        Receipt {
            classes: vec![ErasedClass::Aggregates, ErasedClass::Session],
            erased_at: 1_800_000_000_000,
            erasure: ErasureId::from_bytes([1; 16]),
            key,
            keys_destroyed: 1,
            log: LogProof { after: point(9), before: point(7), record: 7 },
            nonce: Some(Nonce::from_bytes([2; 16])),
            records: ErasedRecords { batches: 3, dead_letters: 0, decisions: 1 },
            site: SiteKey::parse("demo").expect("valid"),
            statement: STATEMENT.to_owned(),
            v: 1,
        }
    }

    /// RFC 8785: the names of every object in order, no spaces, no numbers but whole ones below 2^53.
    fn expect_canonical(value: &Value, text: &str) {
        // serde_json's own maps are in order.
        assert_eq!(serde_json::to_string(value).expect("JSON"), text);
    }

    #[test]
    fn what_is_signed_is_canonical_and_every_changed_byte_is_found() {
        let signer = Signer::new(&SecretKey::from_bytes([7; 32]));
        let ReceiptKey { key, public_key } = signer.key();
        let signed = signer.sign(receipt(key)).expect("signs");
        let text = serde_json::to_string(&signed).expect("JSON");
        assert_eq!(verify(&text, &public_key), Ok(signed.receipt.clone()));
        let inner = serde_json::to_string(&signed.receipt).expect("JSON");
        expect_canonical(&serde_json::from_str(&inner).expect("JSON"), &inner);

        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(verify(&changed, &public_key).is_err(), "byte {at}");
        }
        let other = Signer::new(&SecretKey::from_bytes([8; 32])).key().public_key;
        assert_eq!(verify(&text, &other), Err(ReceiptError::OtherKey(key)));
        assert_eq!(verify("{}", &public_key), Err(ReceiptError::NotAReceipt));
        assert_eq!(verify(&text, &PublicKey::from_bytes([2; 32])), Err(ReceiptError::NotAKey));
    }

    #[test]
    fn a_field_that_was_added_is_no_part_of_what_was_signed() {
        let signer = Signer::new(&SecretKey::from_bytes([7; 32]));
        let ReceiptKey { key, public_key } = signer.key();
        let mut value = serde_json::to_value(signer.sign(receipt(key)).expect("signs")).expect("JSON");
        value["receipt"]["all_data_of_everyone"] = json!("gone");
        assert_eq!(verify(&value.to_string(), &public_key), Err(ReceiptError::NotAReceipt));
    }
}
