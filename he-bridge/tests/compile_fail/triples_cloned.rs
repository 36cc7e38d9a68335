use piquet_core::correlation::MatrixShape;
use piquet_he_bridge::Native;
use piquet_he_bridge::triples::elements::{Client, ClientRun, ServerRun};
use piquet_he_bridge::triples::products::Factors;

fn copy(
    key: &Client,
    client: &ClientRun<u32, Native>,
    server: &ServerRun<u32, Native>,
    factors: &Factors<'_, u32, MatrixShape, Native>,
) {
    let _: Client = key.clone();
    let _: ClientRun<u32, Native> = client.clone();
    let _: ServerRun<u32, Native> = server.clone();
    let _: Factors<'_, u32, MatrixShape, Native> = factors.clone();
}

fn main() {}
