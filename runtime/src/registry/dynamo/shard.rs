//! Which shard of its rooms a connection is in.

use crate::id::ConnectionId;

/// Returns the shard of a connection: FNV-1a (64 bits) of its id, modulo the number of shards.
///
/// This is part of the table's format: all functions that share the table must compute the same shard.
pub(super) fn shard_of(id: &ConnectionId, shards: u16) -> u16 {
    const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01B3;
    let hash = id
        .as_str()
        .bytes()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    u16::try_from(hash % u64::from(shards)).expect("a remainder is less than its divisor")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shards_stay_where_they_are_and_spread() {
        // Known answers: an item written by one release must be found by the next.
        let shard = |id: &str, shards| shard_of(&id.parse().unwrap(), shards);
        assert_eq!(shard("L0SM9cOFvHcCIhw=", 1), 0);
        assert_eq!(
            ["L0SM9cOFvHcCIhw=", "a", "b", "Abc123="].map(|id| shard(id, 16)),
            [13, 12, 5, 8]
        );
        let mut filled = [0; 16];
        for number in 0..1600 {
            filled[usize::from(shard(&format!("id{number}="), 16))] += 1;
        }
        assert!(filled.iter().all(|count| (60..140).contains(count)), "{filled:?}");
    }
}
