use piquet_core::RingVec;
use piquet_ot::additive::{self, Shape};
use piquet_ot::{Error, Malicious, SemiHonest, ReceivedCots};

fn weak(cots: ReceivedCots<SemiHonest>, shape: Shape, message: &[u8]) -> Result<RingVec<u64>, Error> {
    additive::receive::<u64, Malicious>(cots, shape, message)
}

fn main() {}
