use piquet_core::wire::Encode;
use piquet_secret_sharing::beaver::{TripleBatch, Triples};

fn stored(pool: &Triples<u64>, batch: &TripleBatch<u64>, out: &mut Vec<u8>) {
    pool.encode(out);
    batch.encode(out);
}

fn main() {}
