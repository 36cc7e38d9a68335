//! A layer of one's own, written once, run by the oracle, planned, and run by three parties:
//! `cargo run --release --example custom_layer`
//!
//! `hard_swish(x) = x * min(max(x + 3, 0), 6) / 6`, as in MobileNetV3.

use piquet_nn_ops::engine::{Engine, Rescale, Spec, Truncation};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::{Clip, Format, Shape};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client, Rep3Cost};
use piquet_nn_ops::session::{Agreement, run_in_memory};
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::walk::Walk;
use piquet_nn_ops::{Error, ledger::Phase};
use rand_core::UnwrapErr;

/// Every engine that has the layers of this crate has this one, too.
trait HardSwish: Layers {
    fn hard_swish(&mut self, x: &Self::Arith, mode: Truncation) -> Result<Self::Arith, Error> {
        let Spec { shape, format } = self.spec(x).clone();
        let three = Spec {
            format: format.with_bound(2 + format.frac())?,
            shape: shape.clone(),
        };
        let three = self.constant(&three, &vec![3 << format.frac(); shape.elements()])?;
        let shifted = self.add(x, &three)?;
        let gate = self.clip(
            &shifted,
            &Clip::RELU6,
            format.with_bound(3 + format.frac())?,
        )?;
        // A public factor of 1/6, and the bits of both operands behind the point, come off together.
        let gate = self.mul_public(&gate, &[(1 << 16) / 6], 16)?;
        let shift = format.frac() + 16;
        let to = format;
        let mut product = self.mul(&[(x, &gate)], Rescale { shift, mode, to })?;
        product.pop().ok_or(Error::Length {
            what: "products",
            got: 0,
            want: 1,
        })
    }
}

impl<E: Layers> HardSwish for E {}

fn spec() -> Result<Spec, Error> {
    Ok(Spec {
        shape: Shape::new(&[1, 8])?,
        format: Format::z64(12, 16)?,
    })
}

/// The same steps for whoever has the value, and for those who have not.
fn program<E: Layers>(engine: &mut E, value: Option<&[i64]>) -> Result<Option<Vec<i64>>, Error> {
    let x = engine.input(&spec()?, value)?;
    let y = engine.hard_swish(&x, Truncation::Nearest)?;
    engine.reveal(&y)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let real = [-5.0, -3.0, -1.5, -0.1, 0.0, 1.0, 3.0, 7.5];
    let format = spec()?.format;
    let raw = real.map(|x| format.encode(x));
    let show = |y: &[i64]| y.iter().map(|v| format.decode(*v)).collect::<Vec<f64>>();

    let oracle = program(&mut Plain::new(Pool::new(1)?), Some(&raw))?;
    println!("oracle  {:.3?}", show(&oracle.unwrap_or_default()));

    let mut walk = Walk::new(Rep3Cost::new(64));
    walk.begin_phase(Phase::Online);
    program(&mut walk, None)?;
    let cost = walk.into_visitor().plan().total(Phase::Online);
    println!("planned {} bytes, {} rounds", cost.bytes, cost.rounds);

    let agreement = Agreement {
        engine: "rep3".to_owned(),
        program: *b"a digest of what all will run...",
        ring_bits: 64,
        options: [0; 32],
        computational_bits: 128,
        statistical_bits: 0,
    };
    let cast = Cast::parties(3).with_client();
    for end in run_in_memory(cast, &agreement, |session| -> Result<_, Error> {
        let mut rng = UnwrapErr(getrandom::SysRng);
        if session.me() == Peer::Client {
            let mut client = Rep3Client::<u64>::new(session)?;
            client.input(&spec()?, &raw, &mut rng)?;
            let y = client.result(&spec()?)?;
            client.finish()?;
            return Ok(Some(y));
        }
        let mut party = Rep3::<u64>::new(session, Pool::new(1)?, &mut rng)?;
        program(&mut party, None)?;
        party.finish()?;
        Ok(None)
    }) {
        if let Some(y) = end? {
            println!("parties {:.3?}", show(&y));
        }
    }
    Ok(())
}
