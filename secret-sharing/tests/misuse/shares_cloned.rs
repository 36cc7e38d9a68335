use piquet_secret_sharing::{
    AdditiveVec, Rep3Bits, Rep3Vec, XorVec, beaver::TripleBatch, dealer::Material, prss::Prss,
};

fn copied<T: Clone>() {}

fn main() {
    copied::<AdditiveVec<u64>>();
    copied::<Rep3Vec<u64>>();
    copied::<XorVec>();
    copied::<Rep3Bits>();
    copied::<TripleBatch<u64>>();
    copied::<Material>();
    copied::<Prss>();
}
