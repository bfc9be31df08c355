//! Receipts of erasures, and roots of consent ledgers: signed with Ed25519, and verified by anyone who has the public key.

use ed25519_dalek::{Signature as Signed, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use waver_schema::{LedgerChain, PublicKey, Receipt, ReceiptKey, Signature, SignedReceipt, SigningKeyId, SiteKey};
use waver_store::SecretKey;

/// What is signed begins with this, so that a signature of ours over anything else is never taken for a receipt.
const CONTEXT: &str = "waver erasure receipt v1\n";
/// The same for roots.
const ROOT_CONTEXT: &str = "waver ledger root v1\n";

/// What a receipt says to people.
pub(crate) const STATEMENT: &str = "What the log held of this session was sealed under keys that are destroyed. Backups hold no keys, so \
     that it stays unreadable in them too. Sums that were still open no longer count it, but for the number of distinct sessions, which may \
     until the collector starts anew. Sums that had been closed keep it as one among others, and name nobody.";

/// How far the consent ledger of a site goes. Whoever keeps this can tell later that nothing before it was altered, and can show that the collector
/// said so. Its fields stand in the order of their names, as in receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PublishedRoot {
    /// Number of the last entry, and so how many there ever were; 0 for none.
    pub(crate) entries: u64,
    /// The key that signed; it is the one of receipts.
    #[schema(value_type = String, pattern = "^[0-9a-f]{32}$")]
    pub(crate) key: SigningKeyId,
    /// Offset in the log of the record that the last entry was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    /// Hash of the last entry and of everything before it.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub(crate) root: LedgerChain,
    /// When this was said, Unix milliseconds of the collector's clock.
    pub(crate) signed_at: u64,
    /// The site.
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,31}$")]
    pub(crate) site: SiteKey,
}

/// A root and its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SignedRoot {
    #[serde(flatten)]
    pub(crate) published: PublishedRoot,
    /// Over the bytes of this object without the signature, its fields in the order of their names and without spaces, after the text
    /// `waver ledger root v1` and a line break.
    #[schema(value_type = String, pattern = "^[0-9a-f]{128}$")]
    pub(crate) signature: Signature,
}

/// Signs receipts and roots.
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
        let signature = self.signature(&signed_bytes(CONTEXT, &receipt)?);
        Ok(SignedReceipt { receipt, signature })
    }

    /// # Errors
    /// As [`Signer::sign`].
    pub(crate) fn sign_root(&self, published: PublishedRoot) -> Result<SignedRoot, serde_json::Error> {
        let signature = self.signature(&signed_bytes(ROOT_CONTEXT, &published)?);
        Ok(SignedRoot { published, signature })
    }

    /// The signature of `bytes`, which begin with what they are.
    pub(crate) fn signature(&self, bytes: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(bytes).to_bytes())
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

/// Why a receipt or a root proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReceiptError {
    /// It is not one.
    #[error("it is not a receipt as GET /v1/erase/{{erasure}} gives it")]
    NotAReceipt,
    /// It is not one.
    #[error("it is not a root as GET /v1/ledger/root gives it")]
    NotARoot,
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
    let SignedReceipt { receipt, signature } = read_whole(json).ok_or(ReceiptError::NotAReceipt)?;
    expect_signed(CONTEXT, &receipt, receipt.key, &signature, key)?;
    Ok(receipt)
}

/// Whether `json` is the root of a consent ledger that the holder of `key` signed.
///
/// # Errors
/// [`ReceiptError`].
pub(crate) fn verify_root(json: &str, key: &PublicKey) -> Result<PublishedRoot, ReceiptError> {
    let SignedRoot { published, signature } = read_whole(json).ok_or(ReceiptError::NotARoot)?;
    expect_signed(ROOT_CONTEXT, &published, published.key, &signature, key)?;
    Ok(published)
}

/// What `json` holds, if it holds nothing beside it: that would not be signed, and must not look as if it were.
fn read_whole<T: Serialize + for<'de> Deserialize<'de>>(json: &str) -> Option<T> {
    let read: T = serde_json::from_str(json).ok()?;
    let whole: Value = serde_json::from_str(json).ok()?;
    (whole == serde_json::to_value(&read).ok()?).then_some(read)
}

fn expect_signed(
    context: &str,
    signed: &impl Serialize,
    by: SigningKeyId,
    signature: &Signature,
    key: &PublicKey,
) -> Result<(), ReceiptError> {
    let verifying = VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| ReceiptError::NotAKey)?;
    if by != id_of(key) {
        return Err(ReceiptError::OtherKey(by));
    }
    let bytes = signed_bytes(context, signed).map_err(|_| ReceiptError::Forged)?;
    verifying.verify_strict(&bytes, &Signed::from_bytes(signature.as_bytes())).map_err(|_| ReceiptError::Forged)
}

fn signed_bytes(context: &str, signed: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = context.as_bytes().to_vec();
    serde_json::to_writer(&mut bytes, signed)?;
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
    use waver_schema::{ErasedClass, ErasedRecords, ErasureId, LedgerPoint, LogChain, LogPoint, LogProof, Nonce};

    use super::*;

    fn receipt(key: SigningKeyId) -> Receipt {
        let point = |offset| LogPoint { chain: LogChain::from_bytes([offset as u8; 16]), offset };
        Receipt {
            classes: vec![ErasedClass::Aggregates, ErasedClass::Session],
            erased_at: 1_800_000_000_000,
            erasure: ErasureId::from_bytes([1; 16]),
            key,
            keys_destroyed: 1,
            ledger: Some(LedgerPoint { entries: 5, root: LedgerChain::from_bytes([3; 32]) }),
            log: LogProof { after: point(9), before: point(7), record: 7 },
            nonce: Some(Nonce::from_bytes([2; 16])),
            records: ErasedRecords { batches: 3, dead_letters: 0, decisions: 1 },
            site: SiteKey::parse("demo").expect("valid"),
            statement: STATEMENT.to_owned(),
            v: 1,
            visitor: true,
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
    fn a_root_is_signed_like_a_receipt_and_is_none() {
        let signer = Signer::new(&SecretKey::from_bytes([7; 32]));
        let ReceiptKey { key, public_key } = signer.key();
        let root = PublishedRoot {
            entries: 7,
            key,
            offset: Some(70),
            root: LedgerChain::from_bytes([3; 32]),
            signed_at: 1_800_000_000_000,
            site: SiteKey::parse("demo").expect("valid"),
        };
        let text = serde_json::to_string(&root).expect("JSON");
        expect_canonical(&serde_json::from_str(&text).expect("JSON"), &text);
        let text = serde_json::to_string(&signer.sign_root(root.clone()).expect("signs")).expect("JSON");
        assert_eq!(verify_root(&text, &public_key), Ok(root));
        assert_eq!(verify(&text, &public_key), Err(ReceiptError::NotAReceipt));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(verify_root(&changed, &public_key).is_err(), "byte {at}");
        }
        let added = text.replacen('{', "{\"remark\":1,", 1);
        assert_eq!(verify_root(&added, &public_key), Err(ReceiptError::NotARoot));
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
