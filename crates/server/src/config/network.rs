//! Addresses and networks whose word is taken, and which web addresses are safe to fetch keys from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One address, or all addresses that share a prefix: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Whether the address belongs to it. An IPv4 address that came in over an IPv6 socket
    /// (`::ffff:10.0.0.1`) counts as the IPv4 address that it is.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= u32::from(self.prefix_bits)
            }
            _ => false,
        }
    }

    /// How many bits an address of this family has.
    fn width(address: IpAddr) -> u8 {
        if address.is_ipv4() { 32 } else { 128 }
    }
}

/// The address with all bits behind the prefix cleared.
fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let bits = u32::from(prefix_bits);
    match address {
        IpAddr::V4(own) => IpAddr::V4((own.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or(0)).into()),
        IpAddr::V6(own) => {
            IpAddr::V6((own.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or(0)).into())
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr =
            address.parse().map_err(|_| format!("{text:?} is neither an address nor a network"))?;
        let width = Self::width(address);
        let prefix_bits = match prefix {
            None => width,
            Some(prefix) => prefix
                .parse::<u8>()
                .ok()
                .filter(|bits| *bits <= width)
                .ok_or_else(|| format!("{text:?} has no prefix from 1 to {width} after the slash"))?,
        };
        if prefix_bits == 0 {
            return Err(format!("{text:?} is everybody, and so lets anybody claim any address"));
        }
        let start = masked(address, prefix_bits);
        if start != address {
            return Err(format!("{text:?} has bits set behind its prefix ({start}/{prefix_bits} has none)"));
        }
        if address.to_canonical() != address {
            return Err(format!("{text:?} is an IPv4 address inside an IPv6 one: write it as IPv4"));
        }
        Ok(Self { address, prefix_bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.address)?;
        if self.prefix_bits < Self::width(self.address) {
            write!(formatter, "/{}", self.prefix_bits)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

/// What keeps `text` from being an address to fetch keys from, if anything. The text is never repeated: an
/// address may carry a password.
pub(super) fn refuse_key_address(text: &str) -> Result<(), &'static str> {
    let url = reqwest::Url::parse(text).map_err(|_| "is not a web address")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("carries a user name or password, which would be shown");
    }
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_near(host) => Ok(()),
        "http" => Err("is fetched without encryption from outside"),
        _ => Err("is neither https nor http"),
    }
}

/// Whether a host is on this machine or in a private network; a name without a dot is resolved by the
/// network that one is in (a container's neighbour).
fn is_near(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => !host.contains('.'),
    }
}

/// Whether this is an origin exactly as browsers send it: scheme, host and perhaps port, in lower case.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let usual_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
        && !rest.is_empty()
        && (usual_port.is_empty() || !rest.ends_with(usual_port))
        && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_:[]".contains(c))
}
