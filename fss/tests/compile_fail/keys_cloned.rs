use piquet_fss::gates::sign::SignKeys;
use piquet_fss::mask::{BitMaskKeys, MaskKeys};
use piquet_fss::P0;

fn copy(signs: &SignKeys<u64, P0>, masks: &MaskKeys<u32, P0>, bits: &BitMaskKeys<P0>) {
    let _: SignKeys<u64, P0> = signs.clone();
    let _: MaskKeys<u32, P0> = masks.clone();
    let _: BitMaskKeys<P0> = bits.clone();
}

fn main() {}
