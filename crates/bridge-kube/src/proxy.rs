//! Which proxy stands between us and the hub: kubeconfig `proxy-url`, or the environment as Go's net/http reads it.

use std::net::IpAddr;

/// Proxy variables of the environment.
#[derive(Debug, Default, Clone)]
pub(crate) struct ProxyEnvironment {
    pub https: Option<String>,
    pub http: Option<String>,
    pub exempt: Option<String>,
}

impl ProxyEnvironment {
    pub fn read() -> Self {
        let read = |names: [&str; 2]| {
            names
                .into_iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        };
        Self {
            https: read(["HTTPS_PROXY", "https_proxy"]),
            http: read(["HTTP_PROXY", "http_proxy"]),
            exempt: read(["NO_PROXY", "no_proxy"]),
        }
    }

    /// The proxy for `server`. `proxy-url` of the kubeconfig wins and `NO_PROXY` does not touch it (client-go
    /// `rest/transport.go`: `http.ProxyURL`); else the variable of the server's scheme, unless `NO_PROXY` names the
    /// server or it is this machine.
    pub fn proxy_for(&self, server: &http::Uri, kubeconfig: Option<&str>) -> Option<String> {
        if let Some(url) = kubeconfig.filter(|url| !url.is_empty()) {
            return Some(url.to_owned());
        }
        let proxy = if server.scheme_str() == Some("http") {
            self.http.as_ref()
        } else {
            self.https.as_ref()
        }?;
        let host = server.host()?.trim_matches(['[', ']']).to_lowercase();
        let port = server
            .port_u16()
            .unwrap_or(if server.scheme_str() == Some("http") {
                80
            } else {
                443
            });
        if is_local(&host) || self.is_exempt(&host, port) {
            return None;
        }
        // Go takes a proxy without a scheme for an http one.
        Some(if proxy.contains("://") {
            proxy.clone()
        } else {
            format!("http://{proxy}")
        })
    }

    /// `NO_PROXY` as golang.org/x/net/http/httpproxy reads it: `*`, address, CIDR, `domain` and `.domain`, each but
    /// the first two with an optional `:port`; empty entries are skipped.
    fn is_exempt(&self, host: &str, port: u16) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        self.exempt
            .iter()
            .flat_map(|list| list.split(','))
            .map(|entry| entry.trim().to_lowercase())
            .filter(|entry| !entry.is_empty())
            .any(|entry| entry == "*" || matches_entry(&entry, host, address, port))
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn matches_entry(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if let Some((network, bits)) = entry.split_once('/') {
        return match (network.parse(), bits.parse(), address) {
            (Ok(network), Ok(bits), Some(address)) => in_network(address, network, bits),
            _ => false,
        };
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        // An IPv6 address has colons of its own.
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
            (name, digits.parse::<u16>().ok())
        }
        _ => (entry, None),
    };
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if let Ok(exempt) = name.parse::<IpAddr>() {
        return address == Some(exempt);
    }
    let name = name.trim_start_matches('*');
    match name.strip_prefix('.') {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let shift = 32 - bits;
            address.to_bits().checked_shr(shift).unwrap_or(0)
                == network.to_bits().checked_shr(shift).unwrap_or(0)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let shift = 128 - bits;
            address.to_bits().checked_shr(shift).unwrap_or(0)
                == network.to_bits().checked_shr(shift).unwrap_or(0)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_chosen_as_go_chooses() {
        let environment = |no_proxy: &str| ProxyEnvironment {
            https: Some("proxy.corp:3128".into()),
            http: Some("http://plain:80".into()),
            exempt: Some(no_proxy.into()),
        };
        let proxy =
            |no_proxy: &str, server: &str| environment(no_proxy).proxy_for(&server.parse().unwrap(), None);
        let through = Some("http://proxy.corp:3128".to_owned());
        assert_eq!(proxy("", "https://a.eks.amazonaws.com"), through);
        assert_eq!(
            proxy("", "http://a.eks.amazonaws.com"),
            Some("http://plain:80".into())
        );
        for (list, server) in [
            ("*", "https://a.b"),
            ("b.c,", "https://a.b.c"),
            ("b.c", "https://b.c"),
            (".b.c", "https://a.b.c"),
            ("x, 10.0.0.0/8", "https://10.1.2.3:6443"),
            ("10.1.2.3", "https://10.1.2.3:6443"),
            ("a.b:6443", "https://a.b:6443"),
            ("fd00::/8", "https://[fd00::1]:6443"),
            ("", "https://localhost:6443"),
            ("", "https://127.0.0.1:6443"),
        ] {
            assert_eq!(proxy(list, server), None, "{list} {server}");
        }
        for (list, server) in [
            (".b.c", "https://b.c"),
            ("b.c", "https://ab.c"),
            ("10.0.0.0/8", "https://11.1.2.3"),
            ("a.b:443", "https://a.b:6443"),
        ] {
            assert_eq!(proxy(list, server), through, "{list} {server}");
        }
        assert_eq!(
            environment("*").proxy_for(&"https://a.b".parse().unwrap(), Some("socks5://own:1080")),
            Some("socks5://own:1080".into())
        );
    }
}
