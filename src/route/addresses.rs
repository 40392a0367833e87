//! Addresses in a row: one, a range, or a network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses from `first` to `last`, both included, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    first: IpAddr,
    last: IpAddr,
}

impl Block {
    /// `10.0.0.1`, `10.0.0.1-10.0.0.9`, or the hosts of `10.0.0.0/24` (k6: without the network's own address and the one for all).
    ///
    /// # Errors
    /// A sentence that names the text and what is wrong with it.
    pub fn parse(text: &str) -> Result<Block, String> {
        if text.contains('/') {
            return Block::network(text).map(Block::hosts).ok_or_else(|| format!("`{text}` is no network"));
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        // The whole text in any case: it may hold a secret, which is only masked as a whole.
        let address = |part: &str| part.trim().parse().map_err(|_| format!("`{text}` is no IP address"));
        let block = Block { first: address(first)?, last: address(last)? };
        match block.first.is_ipv4() == block.last.is_ipv4() && block.first <= block.last {
            true => Ok(block),
            false => Err(format!("the range `{text}` ends before it starts")),
        }
    }

    /// All addresses of `10.0.0.0/8`.
    pub fn network(text: &str) -> Option<Block> {
        let (address, length) = text.trim().split_once('/')?;
        let (address, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let mask = u128::MAX.checked_shr(128 - width.checked_sub(length)?).unwrap_or(0);
        let is_v4 = address.is_ipv4();
        Some(Block { first: address_of(is_v4, bits(address) & !mask), last: address_of(is_v4, bits(address) | mask) })
    }

    fn hosts(self) -> Block {
        if !self.first.is_ipv4() || self.len() <= 2 {
            return self;
        }
        let (first, last) = (bits(self.first) + 1, bits(self.last) - 1);
        Block { first: address_of(true, first), last: address_of(true, last) }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&address)
    }

    fn len(&self) -> u128 {
        (bits(self.last) - bits(self.first)).saturating_add(1)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// The address whose turn it is among those of one family; `None` where there is none of it.
pub fn nth(blocks: &[Block], is_v4: bool, turn: u64) -> Option<IpAddr> {
    let family = || blocks.iter().filter(|block| block.first.is_ipv4() == is_v4);
    let all = family().fold(0, |sum: u128, block| sum.saturating_add(block.len()));
    let mut index = u128::from(turn).checked_rem(all)?;
    for block in family() {
        match index.checked_sub(block.len()) {
            Some(behind) => index = behind,
            None => return Some(address_of(is_v4, bits(block.first) + index)),
        }
    }
    None
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Bits of an IPv4 address never go past 32: they come from one.
fn address_of(is_v4: bool, bits: u128) -> IpAddr {
    if is_v4 { Ipv4Addr::from_bits(bits as u32).into() } else { Ipv6Addr::from_bits(bits).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        assert_eq!(
            Block::parse(text).map(|block| block.to_string()),
            expected.map(str::to_owned).map_err(str::to_owned)
        );
    }

    #[test]
    fn blocks_are_addresses_ranges_and_networks() {
        check("10.0.0.1", Ok("10.0.0.1"));
        check("10.0.0.1-10.0.1.9", Ok("10.0.0.1-10.0.1.9"));
        check("10.0.0.1 - 10.0.0.2", Ok("10.0.0.1-10.0.0.2"));
        check("10.1.2.3/24", Ok("10.1.2.1-10.1.2.254"));
        check("10.1.2.3/31", Ok("10.1.2.2-10.1.2.3"));
        check("10.1.2.3/32", Ok("10.1.2.3"));
        check("fd00::7/120", Ok("fd00::-fd00::ff"));
        check("::/0", Ok("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
        check("10.0.0.1/33", Err("`10.0.0.1/33` is no network"));
        check("10.0.0.9-10.0.0.1", Err("the range `10.0.0.9-10.0.0.1` ends before it starts"));
        check("10.0.0.9-fd00::1", Err("the range `10.0.0.9-fd00::1` ends before it starts"));
        check("eth0", Err("`eth0` is no IP address"));
        check("", Err("`` is no IP address"));
    }

    #[test]
    fn addresses_of_a_family_are_taken_in_turn() {
        let blocks: Vec<Block> =
            ["10.0.0.1", "fd00::1", "10.0.0.4-10.0.0.5"].map(|text| Block::parse(text).unwrap()).to_vec();
        let turns = |is_v4| (0..4).map(|turn| nth(&blocks, is_v4, turn).unwrap().to_string()).collect::<Vec<_>>();
        assert_eq!(turns(true), ["10.0.0.1", "10.0.0.4", "10.0.0.5", "10.0.0.1"]);
        assert_eq!(turns(false), ["fd00::1"; 4]);
        assert_eq!(nth(&blocks[..1], false, 7), None);
        assert_eq!(nth(&[Block::parse("::/0").unwrap()], false, 7).unwrap().to_string(), "::7");
    }
}
