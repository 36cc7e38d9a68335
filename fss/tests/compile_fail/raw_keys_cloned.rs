use piquet_fss::distributed::{Generator, Keys};
use piquet_fss::{P0, P1, bgi, dcf, dpf, idpf};

fn point_functions(a: &dpf::Keys<P0>, b: &dpf::BlockKeys<P0>, c: &bgi::Keys<P1>, d: &bgi::BlockKeys<P1>) {
    let _: dpf::Keys<P0> = a.clone();
    let _: dpf::BlockKeys<P0> = b.clone();
    let _: bgi::Keys<P1> = c.clone();
    let _: bgi::BlockKeys<P1> = d.clone();
}

fn others(a: &idpf::Keys<P0>, b: &dcf::Keys<u64, P1>, c: &Keys<P0>, d: &Generator<P1>) {
    let _: idpf::Keys<P0> = a.clone();
    let _: dcf::Keys<u64, P1> = b.clone();
    let _: Keys<P0> = c.clone();
    let _: Generator<P1> = d.clone();
}

fn main() {}
