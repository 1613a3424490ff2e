//! Public keys that are known to be breakable.

/// RFC 8725 section 3.5; 8192 is what the library verifies, and a bound on work.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The encodings of the Ed25519 points of small order, with the sign bit cleared. A signature by
/// such a key verifies for messages that nobody signed.
const SMALL_ORDER: [[u8; 32]; 4] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// The primes that the ROCA fingerprint (CVE-2017-15361) looks at.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether an Ed25519 key is of small order, or not written in the one canonical way.
pub(super) fn ed25519(public: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(public) else {
        return true;
    };
    let [first, middle @ .., last] = &mut y;
    *last &= 0x7f;
    // p = 2^255 - 19: p-1 has order 2, and everything from p on is a second name of a small number.
    let wraps = *first >= 0xec && middle.iter().all(|byte| *byte == 0xff) && *last == 0x7f;
    wraps || SMALL_ORDER.contains(&y)
}

/// Whether an RSA key is too small, too big, not canonical, or of a generator known to be bad.
pub(super) fn rsa(n: &[u8], e: &[u8]) -> bool {
    let (Some(n_top), Some(n_low)) = (n.first(), n.last()) else {
        return true;
    };
    let (Some(e_top), Some(e_low)) = (e.first(), e.last()) else {
        return true;
    };
    if *n_top == 0 || *e_top == 0 || n_low % 2 == 0 || e_low % 2 == 0 {
        return true;
    }
    let spare = usize::try_from(n_top.leading_zeros()).unwrap_or(0);
    let bits = (n.len() * 8).saturating_sub(spare);
    // e = 1 makes the signature equal to the padded message: anybody can write it. What is below
    // 65,537 is a mistake or a trap.
    let exponent = e.iter().take(5).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    !RSA_BITS.contains(&bits) || e.len() > 4 || exponent < 65_537 || is_roca(n)
}

/// Moduli of the broken generator are a power of 65537 modulo every small prime.
fn is_roca(n: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|prime| {
        let rest = n.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        (0..*prime).any(|_| {
            let hit = power == rest;
            power = power * 65_537 % prime;
            hit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modulus_of_the_broken_generator_is_known() {
        // 65537^k mod any prime, for one k, is what the fingerprint looks for: 65537^128 has 2049 bits.
        let mut n = vec![1_u8];
        for _ in 0..128 {
            // Times 65537: itself plus itself shifted by two bytes.
            let shifted: Vec<u8> = [n.as_slice(), &[0, 0]].concat();
            let mut sum = shifted;
            let (mut carry, width) = (0_u16, sum.len());
            for (at, byte) in sum.iter_mut().rev().enumerate() {
                let own = at.checked_add(1).and_then(|from_end| n.len().checked_sub(from_end));
                let add = own.map_or(0, |place| u16::from(n[place]));
                let total = u16::from(*byte) + add + carry;
                *byte = total.to_le_bytes()[0];
                carry = total >> 8;
            }
            assert!(carry == 0 || width < 300);
            n = sum;
        }
        assert!(is_roca(&n));
        assert!(rsa(&n, &[1, 0, 1]));
        *n.last_mut().unwrap() ^= 2;
        assert!(!is_roca(&n));
    }
}
