//! Where a request comes from: the address of the connection, or what a trusted proxy says of it. It serves the limits of rate and is
//! forgotten with the request.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;

use super::SharedApp;
use super::refusal::Refusal;
use crate::config::ProxyHeader;
use crate::rate::Source;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection, put into each of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whom to believe what about the address before them.
#[derive(Debug)]
pub(crate) struct Proxies {
    pub(crate) trusted: Vec<IpNet>,
    pub(crate) header: ProxyHeader,
}

impl Proxies {
    /// The address that a request comes from; `None` for programs of this machine, which are not limited.
    pub(super) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return if peer.is_loopback() { None } else { Some(peer) };
        }
        let mut origin = peer;
        // From the right: each trusted proxy vouches for what stands before it, and nobody for what is further left.
        for said in self.said(headers).into_iter().rev() {
            let Some(address) = said else { break };
            origin = address;
            if !self.trusts(address) {
                break;
            }
        }
        Some(origin)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// What the proxies' header says, from left to right; `None` where it says nothing that is an address.
    fn said(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ProxyHeader::XForwardedFor => (X_FORWARDED_FOR, |element| address(element.trim())),
            ProxyHeader::Forwarded => (header::FORWARDED, forwarded_for),
        };
        let lines = headers.get_all(name).iter();
        lines.flat_map(|line| line.to_str().unwrap_or("?").split(',')).map(read).collect()
    }
}

/// The `for` of an element of `Forwarded` (RFC 7239): `for=192.0.2.60;proto=http`, `for="[2001:db8::17]:4711"`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let node = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    address(node.trim_matches('"'))
}

/// An address, with or without a port and the brackets of IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = bracketed.unwrap_or(text).parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).map(|address| address.to_canonical())
}

/// Refuses what comes too often from one source, before anything of it is read, and says which source it is to whoever comes later.
pub(super) async fn limit(State(app): State<SharedApp>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let origin = peer.and_then(|Peer(peer)| app.proxies.origin(peer, request.headers()));
    if let Some(source) = origin.map(|origin| app.rates.source(origin)) {
        if let Err(exceeded) = app.rates.request_from(source) {
            return Refusal::exceeded(exceeded).into_response();
        }
        request.extensions_mut().insert(source);
    }
    next.run(request).await
}

/// The source of a request, where it has one.
pub(super) type MaybeSource = Option<axum::Extension<Source>>;

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1";

    fn proxies(trusted: &[&str], header: ProxyHeader) -> Proxies {
        Proxies { trusted: trusted.iter().map(|network| network.parse().expect("a network")).collect(), header }
    }

    fn origin(proxies: &Proxies, peer: &str, lines: &[(&'static str, &str)]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a value"));
        }
        proxies.origin(peer.parse().expect("an address"), &headers).map(|address| address.to_string())
    }

    #[test]
    fn without_a_trusted_proxy_the_connection_alone_counts() {
        let proxies = proxies(&[], ProxyHeader::XForwardedFor);
        let claims = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(origin(&proxies, PEER, &claims).as_deref(), Some(PEER));
        assert_eq!(origin(&proxies, "::ffff:10.0.0.1", &claims).as_deref(), Some(PEER));
        assert_eq!(origin(&proxies, "127.0.0.1", &claims), None, "programs of this machine");
        assert_eq!(origin(&proxies, "::1", &claims), None);
    }

    #[test]
    fn what_a_trusted_proxy_says_counts_from_the_right() {
        let proxies = proxies(&["10.0.0.0/8", "127.0.0.1/32"], ProxyHeader::XForwardedFor);
        for (lines, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["198.51.100.7, 192.0.2.1"], "192.0.2.1"), // the left one is the sender's own word
            (&["198.51.100.7, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            (&["198.51.100.7", "192.0.2.1,10.0.0.2"], "192.0.2.1"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["2001:db8::17"], "2001:db8::17"),
            (&["[2001:db8::17]:4711"], "2001:db8::17"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["198.51.100.7, nonsense"], PEER),
            (&["198.51.100.7, nonsense, 10.0.0.2"], "10.0.0.2"),
            (&[""], PEER),
            (&[], PEER),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
            assert_eq!(origin(&proxies, PEER, &lines).as_deref(), Some(expected), "{lines:?}");
        }
        let others_header = [("forwarded", "for=192.0.2.1")];
        assert_eq!(origin(&proxies, PEER, &others_header).as_deref(), Some(PEER), "proxies set one of the two");
        assert_eq!(origin(&proxies, "127.0.0.1", &[("x-forwarded-for", "192.0.2.1")]).as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn forwarded_is_read_as_its_standard_says() {
        let proxies = proxies(&["10.0.0.0/8"], ProxyHeader::Forwarded);
        for (line, expected) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("proto=https; For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=198.51.100.7, for=192.0.2.60", "192.0.2.60"),
            ("for=198.51.100.7, for=_hidden", PEER),
            ("for=unknown", PEER),
            ("by=203.0.113.43", PEER),
        ] {
            assert_eq!(origin(&proxies, PEER, &[("forwarded", line)]).as_deref(), Some(expected), "{line}");
        }
    }
}
