use piquet_he_bridge::Native;
use piquet_he_bridge::linear::{client, server};
use piquet_he_bridge::shared;

fn copy(
    key: &client::Key<Native>,
    weights: &server::Weights<Native>,
    share: &shared::Weights<Native>,
) {
    let _: client::Key<Native> = key.clone();
    let _: server::Weights<Native> = weights.clone();
    let _: shared::Weights<Native> = share.clone();
}

fn main() {}
