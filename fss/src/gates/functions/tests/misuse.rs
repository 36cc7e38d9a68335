//! What is refused, and what is seen on the way.

use piquet_core::wire::Header;

use super::*;

fn keys(n: usize) -> (FunctionKeys<u64, P0>, FunctionKeys<u64, P1>) {
    let gate = Function::<u64>::sigmoid(38, 12).unwrap();
    let ((), k0, k1) = deal(&gate, n, &uniform(38, n, 3));
    (k0, k1)
}

#[test]
fn parameters_outside_of_the_domain() {
    assert!(Function::<u64>::gelu(38, 7).is_err());
    assert!(Function::<u64>::gelu(38, 17).is_err());
    assert!(Function::<u64>::gelu(38, 0).is_err());
    assert!(Function::<u64>::gelu(38, u32::MAX).is_err());
    assert!(Function::<u64>::gelu(0, 12).is_err());
    assert!(Function::<u64>::gelu(22, 12).is_err());
    assert!(Function::<u64>::gelu(23, 12).is_ok());
    assert!(Function::<u64>::gelu(65, 12).is_err());
    assert!(Function::<u128>::gelu(65, 12).is_err());
    assert!(Function::<u32>::gelu(33, 12).is_err());
    assert!(Function::<u64>::reciprocal(64, 12, 13).is_err());
    assert!(Function::<u64>::reciprocal(38, 12, 11).is_err());
    assert!(Function::<u64>::reciprocal(64, u32::MAX, u32::MAX).is_err());
    assert!(Function::<u64>::rsqrt(33, 12).is_err());
}

#[test]
fn other_numbers_of_values_than_keys() {
    let (k0, _) = keys(3);
    assert!(k0.start(&[1, 2], &Cpu::new()).is_err());
    let (k0, _) = keys(3);
    assert!(k0.start(&[1, 2, 3, 4], &Cpu::new()).is_err());
    let gate = Function::<u64>::sigmoid(38, 12).unwrap();
    let seed = crate::dealer::Seed::from_bytes([1; 16]);
    let mut dealer = crate::dealer::Dealer::new(crate::testing::SESSION, 1, &seed);
    let streams = [&mut Vec::new(), &mut Vec::new()];
    assert!(dealer.deal(&gate, 3, &[1, 2], streams).is_err());
}

/// Runs until both parties have made `rounds` messages; gives party 0 and the message that it waits for.
fn until(rounds: usize) -> (FunctionRun<u64, P0>, Vec<u8>) {
    let e = Cpu::new();
    let (k0, k1) = keys(5);
    let x = uniform(38, 5, 4);
    let (mut run0, mut m0) = k0.start(&x, &e).unwrap();
    let (mut run1, mut m1) = k1.start(&x, &e).unwrap();
    for _ in 1..rounds {
        match (run0.step(&m1, &e).unwrap(), run1.step(&m0, &e).unwrap()) {
            (Step::Send(r0, n0), Step::Send(r1, n1)) => (run0, run1, m0, m1) = (r0, r1, n0, n1),
            _ => panic!("it ends too early"),
        }
    }
    (run0, m1)
}

#[test]
fn messages_that_are_not_due() {
    let e = Cpu::new();
    for round in 1..=3 {
        let (run, message) = until(round);
        assert!(run.step(&message, &e).is_ok());
        let mut bad = vec![Vec::new(), message[..message.len() - 1].to_vec()];
        bad.push([&message[..], &[0]].concat());
        for byte in 0..Header::LEN {
            let mut m = message.clone();
            m[byte] ^= 1;
            bad.push(m);
        }
        bad.push(until(round % 3 + 1).1);
        for bad in bad {
            let (run, _) = until(round);
            assert!(run.step(&bad, &e).is_err(), "round {round}");
        }
    }
}

#[test]
fn padding_has_to_be_zero() {
    let e = Cpu::new();
    for round in 1..=3 {
        // Five gates fill no opening to the end of its last byte, whatever their bits.
        let (run, mut message) = until(round);
        let bits = Function::<u64>::sigmoid(38, 12).unwrap().opened_bits()[round - 1];
        assert_ne!(5 * bits % 8, 0);
        *message.last_mut().unwrap() ^= 0x80;
        assert!(run.step(&message, &e).is_err(), "round {round}");
    }
}

/// Every bit that is opened is 1 half the time, for one and the same x, over masks from a fixed seed. A sum of 4096 fair bits is off
/// by more than 6 standard deviations with probability below 2^-28; there are less than 2^7 bits.
#[test]
fn opened_bits_are_uniform() {
    let e = Cpu::new();
    let n = 4096;
    let gate = Function::<u64>::gelu(38, 12).unwrap();
    let r = uniform(38, n, 5);
    let x = masked(38, &vec![(1 << 38) - 700; n], &r);
    let ((), k0, k1) = deal(&gate, n, &r);
    let (mut run0, mut m0) = k0.start(&x, &e).unwrap();
    let (mut run1, mut m1) = k1.start(&x, &e).unwrap();
    for (round, bits) in gate.opened_bits().into_iter().enumerate() {
        let body = |m: &[u8]| m[Header::LEN..].to_vec();
        let bit = |m: &[u8], at: usize| u64::from(m[at / 8] >> (at % 8) & 1);
        let number = |m: &[u8], j: usize| {
            (0..bits as usize).fold(0, |v, t| v | bit(m, j * bits as usize + t) << t)
        };
        let (b0, b1) = (body(&m0), body(&m1));
        for t in 0..bits {
            let ones: u64 = (0..n)
                .map(|j| {
                    let (a, b) = (number(&b0, j), number(&b1, j));
                    let opened = if round == 1 { a.wrapping_add(b) } else { a ^ b };
                    opened >> t & 1
                })
                .sum();
            let off = (ones as f64 - n as f64 / 2.0).abs();
            assert!(
                off < 6.0 * (n as f64 / 4.0).sqrt(),
                "bit {t} of opening {round}: {ones}"
            );
        }
        match (run0.step(&m1, &e).unwrap(), run1.step(&m0, &e).unwrap()) {
            (Step::Send(r0, n0), Step::Send(r1, n1)) => (run0, run1, m0, m1) = (r0, r1, n0, n1),
            _ => break,
        }
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (k0, k1) = keys(2);
    assert_eq!(
        format!("{k0:?}{k1:?}"),
        "FunctionKeys(2 gates)FunctionKeys(2 gates)"
    );
    assert_eq!(format!("{:?}", until(1).0), "FunctionRun(Words(..))");
}
