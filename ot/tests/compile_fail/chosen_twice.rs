use piquet_core::BitVec;
use piquet_ot::{ChosenCots, Error, ReceivedCots, SemiHonest};

// The first choices would mask the second ones, and they are not uniform.
fn twice(
    cots: ReceivedCots<SemiHonest>,
    choices: &BitVec,
    out: &mut Vec<u8>,
) -> Result<ChosenCots<SemiHonest>, Error> {
    cots.choose(choices, out)?.choose(choices, out)
}

fn main() {}
