//! Headers of requests: who sends, from where, and whether the browser objects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waver::decoders::Headers;

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"];

/// Each line is a header.
pub(crate) fn run(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    });
    let lines: Vec<(&[u8], &[u8])> = lines.collect();
    let headers = Headers::new(lines.iter().copied());
    assert_eq!(headers.client(), headers.client());
    let says_no = |(name, value): &(&[u8], &[u8])| {
        (name.eq_ignore_ascii_case(b"sec-gpc") || name.eq_ignore_ascii_case(b"dnt")) && *value == b"1"
    };
    assert_eq!(headers.objects(), lines.iter().any(says_no));

    let is_trusted = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10 || v4.octets()[..3] == [192, 0, 2],
        IpAddr::V6(v6) => v6.segments()[..2] == [0x2001, 0xdb8],
    };
    let peers: [IpAddr; 4] = [
        Ipv4Addr::new(10, 0, 0, 1).into(),
        Ipv4Addr::new(198, 51, 100, 7).into(),
        Ipv4Addr::LOCALHOST.into(),
        Ipv6Addr::LOCALHOST.into(),
    ];
    for is_standard in [false, true] {
        for peer in peers {
            let origin = headers.origin(peer, &TRUSTED, is_standard);
            // Whoever is no proxy of ours says nothing about others.
            if !is_trusted(peer) {
                assert_eq!(origin, Some(peer).filter(|peer| !peer.is_loopback()));
            }
            assert!(origin.is_none_or(|origin| origin == origin.to_canonical()));
            assert_eq!(headers.origin(peer, &[], is_standard), Some(peer).filter(|peer| !peer.is_loopback()));
        }
    }
}
