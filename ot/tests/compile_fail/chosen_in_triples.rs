use piquet_core::correlation::BitTriples;
use piquet_ot::triples::bits;
use piquet_ot::{ChosenCots, Error, SemiHonest, SentCots};

// The choices become the masks of factors, and have to be random.
fn triples(
    sent: SentCots<SemiHonest>,
    received: ChosenCots<SemiHonest>,
) -> Result<BitTriples<SemiHonest>, Error> {
    bits::from_cots(sent, received)
}

fn main() {}
