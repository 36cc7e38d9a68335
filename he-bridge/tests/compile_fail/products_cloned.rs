use piquet_he_bridge::linear::{client, server};
use piquet_he_bridge::{Native, shared};

fn copy(
    client: &client::Product<'_, Native>,
    server: &server::Product<'_, Native>,
    party: &shared::Product<'_, Native>,
) {
    let _: client::Product<'_, Native> = client.clone();
    let _: server::Product<'_, Native> = server.clone();
    let _: shared::Product<'_, Native> = party.clone();
}

fn main() {}
