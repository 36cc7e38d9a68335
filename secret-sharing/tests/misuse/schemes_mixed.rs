use piquet_secret_sharing::{AdditiveVec, Error, Rep3Bits, Rep3Vec, XorVec};

fn additive_and_replicated(x: AdditiveVec<u64>, y: &Rep3Vec<u64>) -> Result<AdditiveVec<u64>, Error> {
    x.add(y)
}

fn bits_of_two_schemes(x: XorVec, y: &Rep3Bits) -> Result<XorVec, Error> {
    x.xor(y)
}

fn arithmetic_as_boolean(x: Rep3Vec<u64>, y: &Rep3Bits) -> Result<Rep3Vec<u64>, Error> {
    x.add(y)
}

fn rings_mixed(x: Rep3Vec<u64>, y: &Rep3Vec<u32>) -> Result<Rep3Vec<u64>, Error> {
    x.add(y)
}

fn main() {}
