use waver_schema::{SessionId, SiteKey};
use waver_store::{Pseudonym, SecretKey};

/// The session as the collector knows it: keyed BLAKE3 of site and id, cut to 128 bits. Without the key neither the id can be
/// found from it, nor two sites' sessions be compared.
pub(crate) fn pseudonymize(key: &SecretKey, site: &SiteKey, session: &SessionId) -> Pseudonym {
    let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
    hasher.update(site.as_str().as_bytes());
    hasher.update(&[0]); // no site key holds this byte, so that site and id cannot run into each other
    hasher.update(session.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    Pseudonym::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_follows_from_key_site_and_id_and_from_all_three() {
        let of = |key: u8, site: &str, id: u8| {
            let site = SiteKey::parse(site).expect("valid");
            pseudonymize(&SecretKey::from_bytes([key; 32]), &site, &SessionId::from_bytes([id; 16]))
        };
        assert_eq!(of(1, "demo", 1), of(1, "demo", 1));
        assert_ne!(of(1, "demo", 1), of(2, "demo", 1));
        assert_ne!(of(1, "demo", 1), of(1, "other", 1));
        assert_ne!(of(1, "demo", 1), of(1, "demo", 2));
        // Fixed, since a changed formula would lose every session across an update.
        assert_eq!(of(1, "demo", 1).to_string(), "c1e5e3c9fd0837ad1582e5a6b6207e54");
    }
}
