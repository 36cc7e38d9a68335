//! A private look-up from two servers, which hold the same table and do not collude: neither learns which row was
//! wanted.
//!
//! `cargo run --release -p piquet-fss --example private_lookup`

use getrandom::SysRng;
use piquet_core::wire::SessionId;
use piquet_fss::{Cpu, Error, P0, P1, Role, Shape, dpf};
use rand_core::UnwrapErr;

/// 2^16 rows of four words: 2 MiB.
const BITS: u32 = 16;
const WORDS: usize = 4;

/// A server: from the bytes of its key to its share of the row.
fn answer<P: Role>(session: &SessionId, key: &[u8], table: &[u64]) -> Result<Vec<u64>, Error> {
    let key = dpf::Keys::<P>::decode(session, 0, Shape::new(BITS, 1)?, 1, key)?;
    let share = key.inner_product(0, table, WORDS, &Cpu::new())?;
    Ok(share.as_slice().to_vec())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table: Vec<u64> = (0..(WORDS as u64) << BITS).map(|i| i * i).collect();
    let wanted = 40_961u32;

    // The client: the point function that is 1 at the wanted row, a key for each server.
    let mut rng = UnwrapErr(SysRng);
    let session = SessionId::random(&mut rng);
    let shape = Shape::new(BITS, 1)?;
    let (key0, key1) = dpf::generate(&session, 0, shape, &[wanted], &[1u8], &mut rng)?;
    let (mut to0, mut to1) = (Vec::new(), Vec::new());
    key0.encode(&mut to0);
    key1.encode(&mut to1);

    // The servers, each by itself.
    let from0 = answer::<P0>(&session, &to0, &table)?;
    let from1 = answer::<P1>(&session, &to1, &table)?;

    // The client: the sum of both answers is the row.
    let row: Vec<u64> = from0.iter().zip(&from1).map(|(a, b)| a ^ b).collect();
    println!("{} bytes to each server, {} back", to0.len(), 8 * WORDS);
    println!("row {wanted}: {row:?}");
    if row != table[wanted as usize * WORDS..][..WORDS] {
        return Err("that is not the row".into());
    }
    println!("as in the table");
    Ok(())
}
