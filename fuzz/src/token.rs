//! Tokens of grants, and the rows of what the shop does.

use waver::decoders::{rewritten_shop_rows, signed_token, verified_token};
use waver_schema::{DecisionId, OfferId};
use waver_store::SecretKey;

pub(crate) fn run(bytes: &[u8]) {
    let key = SecretKey::from_bytes([7; 32]);
    let decision = DecisionId::from_bytes([1; 16]);
    let offer = OfferId::parse("ten-percent").expect("valid");
    let (token, public) = signed_token(decision, offer, &key).expect("signs");
    assert_eq!(verified_token(&token, &public), Some(decision));
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(text == token || verified_token(text, &public).is_none(), "nobody signed that");
    }
    // Changes to a token: two bytes of a place and one that is put there.
    let mut changed = token.clone().into_bytes();
    for change in bytes.chunks_exact(3) {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % changed.len();
        changed[place] = change[2];
    }
    if let Ok(changed) = String::from_utf8(changed) {
        assert_eq!(verified_token(&changed, &public).is_some(), changed == token);
    }
    for (number, rewritten) in rewritten_shop_rows(bytes).into_iter().enumerate() {
        let Some(rewritten) = rewritten else { continue };
        assert_eq!(rewritten_shop_rows(&rewritten)[number].as_ref(), Some(&rewritten), "row {number}");
    }
}
