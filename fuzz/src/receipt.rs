//! Receipts of erasures: only what was signed verifies.

use waver::decoders::{is_signed_receipt, signed_receipt};
use waver_schema::{PublicKey, Receipt, SignedReceipt};
use waver_store::SecretKey;

/// The first byte is how many changes follow, each two bytes of a place and one that is put there; then comes the receipt that is signed
/// and changed.
pub(crate) fn run(bytes: &[u8]) {
    assert!(!is_signed_receipt(bytes, &PublicKey::from_bytes([3; 32])), "nobody has that key");
    let Some((changes, rest)) = bytes.split_first() else { return };
    let (changes, receipt) = rest.split_at((3 * usize::from(*changes)).min(rest.len()));
    let Ok(receipt) = serde_json::from_slice::<Receipt>(receipt) else { return };
    let (signed, public_key) = signed_receipt(receipt, &SecretKey::from_bytes([7; 32])).expect("a receipt is JSON");
    let mut json = serde_json::to_vec(&signed).expect("a receipt is JSON");
    assert!(is_signed_receipt(&json, &public_key));
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % json.len();
        json[place] = change[2];
    }
    if is_signed_receipt(&json, &public_key) {
        assert_eq!(serde_json::from_slice::<SignedReceipt>(&json).ok(), Some(signed), "it was never signed");
    }
}
