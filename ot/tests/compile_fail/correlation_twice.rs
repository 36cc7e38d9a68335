use piquet_ot::{Error, Malicious, SentCots, SentOts};

fn twice(cots: SentCots<Malicious>, message: &[u8]) -> Result<[SentOts<Malicious>; 2], Error> {
    let chosen = cots.choose(message)?;
    Ok([chosen.into_random_ots(), cots.into_random_ots()])
}

fn main() {}
