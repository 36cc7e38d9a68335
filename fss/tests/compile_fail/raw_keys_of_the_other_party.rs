use piquet_core::wire::SessionId;
use piquet_fss::distributed::{Generator, Keys};
use piquet_fss::{Error, P0, P1, Shape, bgi, dcf, dpf, idpf};

const ID: SessionId = SessionId([0; 32]);

fn half_trees(shape: Shape, bytes: &[u8]) -> Result<dpf::Keys<P1>, Error> {
    dpf::Keys::<P0>::decode(&ID, 1, shape, 1, bytes)
}

fn blocks(bytes: &[u8]) -> Result<dpf::BlockKeys<P1>, Error> {
    dpf::BlockKeys::<P0>::decode(&ID, 1, 9, 1, bytes)
}

fn seeds(shape: Shape, bytes: &[u8]) -> Result<bgi::Keys<P1>, Error> {
    bgi::Keys::<P0>::decode(&ID, 1, shape, 1, bytes)
}

// Another tree is another function.
fn trees(shape: Shape, bytes: &[u8]) -> Result<dpf::Keys<P0>, Error> {
    bgi::Keys::<P0>::decode(&ID, 1, shape, 1, bytes)
}

fn prefixes(levels: idpf::Levels, bytes: &[u8]) -> Result<idpf::Keys<P1>, Error> {
    idpf::Keys::<P0>::decode(&ID, 1, levels, 1, bytes)
}

fn comparisons(shape: Shape, bytes: &[u8]) -> Result<dcf::Keys<u64, P1>, Error> {
    dcf::Keys::<u64, P0>::decode(&ID, 1, shape, 1, bytes)
}

fn swapped(shape: Shape, rng: &mut piquet_core::Prg) -> Result<(), Error> {
    let _: (dpf::Keys<P1>, dpf::Keys<P0>) = dpf::generate(&ID, 1, shape, &[1u8], &[1u8], rng)?;
    Ok(())
}

fn both(party: Generator<P0>) {
    let _: Generator<P1> = party;
}

fn made(keys: &Keys<P0>) -> &Keys<P1> {
    keys
}

fn main() {}
