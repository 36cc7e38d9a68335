use piquet_core::wire::Encode;
use piquet_secret_sharing::{
    boolean::{Rep3BitProduct, ZeroBits},
    replicated::Rep3Product,
};

fn sent(p: &Rep3Product<u64>) {
    let _ = p.message_to_prev();
}

fn encoded(p: &Rep3Product<u64>, out: &mut Vec<u8>) {
    p.encode(out);
}

fn bits_sent(p: &Rep3BitProduct) {
    let _ = p.message_to_prev();
}

fn wrong_mask(p: Rep3Product<u64>, z: ZeroBits) {
    let _ = p.mask(z);
}

fn main() {}
