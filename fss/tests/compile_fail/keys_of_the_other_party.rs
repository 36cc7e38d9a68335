use piquet_fss::gates::sign::{Sign, SignKeys};
use piquet_fss::mask::{MaskKeys, Opening};
use piquet_fss::stream::KeyStream;
use piquet_fss::{Error, P0, P1};

fn keys(stream: &mut KeyStream<P0>, gate: &Sign<u64>, block: &[u8]) -> Result<SignKeys<u64, P1>, Error> {
    stream.take(gate, 1, block)
}

fn opening(keys: MaskKeys<u64, P1>) -> Result<Opening<u64, P0>, Error> {
    Ok(keys.open(&[0])?.0)
}

fn main() {}
