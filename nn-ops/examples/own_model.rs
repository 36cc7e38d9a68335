//! One's own network among three parties of this process: `cargo run --release --example own_model -- model.onnx`,
//! and for a transformer the numbers of the tokens of a text after that.

use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::{Calibration, TensorF32, quantize, reference};
use piquet_nn_ops::onnx::{self, Input, Options};
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client};
use piquet_nn_ops::session::run_in_memory;
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::{Error, run};
use rand_core::UnwrapErr;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which ONNX file?")?;
    let folder = std::path::Path::new(&path).parent(); // of weights in files of their own
    let text: Vec<usize> = arguments.map(|a| a.parse()).collect::<Result<_, _>>()?;
    let mut options = Options::default();
    options.input = (!text.is_empty()).then(|| vec![1, text.len()]); // for lengths that are left open
    let model = onnx::import(&std::fs::read(&path)?, folder, &options)?;
    let input = match model.input {
        Input::Tokens { .. } => model.input.unit_vectors(&text)?,
        _ => TensorF32::filled(model.graph.input_shape()?.clone(), 0.5),
    };
    let samples = [input.clone()]; // typical inputs, from which ranges are taken
    let in_64_bits = Calibration {
        width: Some(64),
        ..Calibration::default()
    };
    let (program, params) = quantize(&model.graph, &model.params, &samples, in_64_bits)?;
    let (raw, mode) = (run::encode(&program, &input)?, Truncation::Stochastic);
    let agreement = run::agreement("rep3", &program, mode)?;
    let cast = Cast::parties(3).with_client();
    let ends = run_in_memory(cast, &agreement, |session| -> Result<_, Error> {
        let mut rng = UnwrapErr(getrandom::SysRng);
        if session.me() == Peer::Client {
            let mut client = Rep3Client::<u64>::new(session)?;
            let result = client.infer(&program, &params, &raw, &mut rng)?;
            client.finish()?;
            return Ok(Some(result));
        }
        let mut party = Rep3::<u64>::new(session, Pool::new(1)?, &mut rng)?;
        run::infer(&mut party, &program, None, None, mode, &mut |_| {})?;
        party.finish()?;
        Ok(None)
    });
    for result in ends {
        if let Some(raw) = result? {
            let logits = model.ending.apply(run::decode(&program, &raw)?);
            let plain = reference::run(&model.graph, &model.params, &input)?;
            println!("private {:?}", logits.data());
            println!("plain   {:?}", model.ending.apply(plain).data());
        }
    }
    Ok(())
}
