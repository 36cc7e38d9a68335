use piquet_core::correlation::BitTriples;
use piquet_ot::triples::bits;
use piquet_ot::{Error, Malicious, ReceivedCots, SemiHonest, SentCots};

fn triples(
    sent: SentCots<SemiHonest>,
    received: ReceivedCots<SemiHonest>,
) -> Result<BitTriples<Malicious>, Error> {
    bits::from_cots(sent, received)
}

fn main() {}
