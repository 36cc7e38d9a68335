use piquet_core::wire::Machine;
use piquet_he_bridge::linear::{client, server};
use piquet_he_bridge::{Native, shared};

fn client(product: client::Product<'_, Native>, out: &mut Vec<u8>) {
    let _ = product.step(&[], out);
    let _ = product.step(&[], out);
}

fn server(product: server::Product<'_, Native>, out: &mut Vec<u8>) {
    let _ = product.step(&[], out);
    let _ = product.step(&[], out);
}

fn party(product: shared::Product<'_, Native>, out: &mut Vec<u8>) {
    let _ = product.step(&[], out);
    let _ = product.step(&[], out);
}

fn main() {}
