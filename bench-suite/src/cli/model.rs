//! Which network a command works on, and in which fixed-point arithmetic.

use std::path::{Path, PathBuf};

use clap::Args;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::{Calibration, Graph, TensorF32};
use piquet_nn_ops::onnx::{self, Ending, Fixed, Input};

use super::Failure;
use crate::engines::Engine;
use crate::image::Pixels;
use crate::picture;
use crate::task::Task;
use crate::tokens;
use crate::zoo::{self, Tokens};

/// Which network, and in which fixed-point arithmetic.
#[derive(Debug, Args)]
pub(super) struct ModelArgs {
    /// A network of `piquet models`, or an ONNX file of one's own.
    #[arg(long, default_value = "resnet50")]
    pub(super) model: String,
    /// The protocol suite of `piquet engines`.
    #[arg(long, default_value_t = Engine::Rep3)]
    pub(super) engine: Engine,
    /// How many parties compute; by default the fewest that the engine takes.
    #[arg(long)]
    parties: Option<usize>,
    /// Pictures, or texts, in one inference; of an ONNX file, where it leaves that open.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Height and width of the pictures, or tokens of the texts; the network's own by default. Not for ONNX files.
    #[arg(long)]
    size: Option<u16>,
    /// Shape of the input of an ONNX file that leaves it open, as in 1,3,224,224.
    #[arg(long, value_delimiter = ',')]
    input_shape: Option<Vec<usize>>,
    /// A public value, a number or `places` (0, 1, 2, ..), of an input of an ONNX file that is not the one to share,
    /// as in padding=1. Of attention_mask, token_type_ids and position_ids it is known.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_fixed)]
    fix: Vec<(String, Fixed)>,
    /// Name of the result of an ONNX file that has several.
    #[arg(long)]
    result: Option<String>,
    /// Typical inputs (as for --input) from which the ranges of values are taken. The ranges are public, the inputs
    /// are not. By default the photograph that comes with Piquet and a random pattern.
    #[arg(long, num_args = 1..)]
    calibrate: Vec<PathBuf>,
    /// What the brightness of a pixel becomes before the network sees it.
    #[arg(long, value_enum, default_value_t)]
    pub(super) pixels: Pixels,
    /// Seed of the weights of a network of `piquet models`.
    #[arg(long, default_value_t = 0)]
    model_seed: u64,
    /// Bits behind the point of activations.
    #[arg(long)]
    frac: Option<u32>,
    /// Bits behind the point of weights.
    #[arg(long)]
    weight_frac: Option<u32>,
    /// Bits by which a declared range exceeds what calibration saw.
    #[arg(long)]
    margin_bits: Option<u32>,
    /// Bits of the ring, 32 or 64; by default 32 where every value and product fits.
    #[arg(long)]
    ring: Option<u32>,
    /// Let the program show which batch norms have no negative factor, for fewer multiply-accumulates.
    #[arg(long)]
    disclose_positive_scales: bool,
    /// How products are rescaled: exact, nearest, stochastic, or local (which may fail; the report says how likely).
    #[arg(long, default_value = "stochastic")]
    pub(super) truncation: Truncation,
}

/// A network that was found or read.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) model: zoo::Model,
    /// What the texts are made of that it takes, if it takes texts.
    pub(super) tokens: Option<Tokens>,
    /// What its owner does to the opened result.
    pub(super) ending: Ending,
}

impl ModelArgs {
    fn calibration(&self, graph: &Graph, tokens: Option<Tokens>) -> Calibration {
        let d = Calibration {
            // Unit vectors are whole numbers.
            input_frac: tokens.map(|_| 0),
            ..Calibration::of(graph)
        };
        Calibration {
            frac: self.frac.unwrap_or(d.frac),
            weight_frac: self.weight_frac.unwrap_or(d.weight_frac),
            margin_bits: self.margin_bits.unwrap_or(d.margin_bits),
            // Shares that are shifted locally wrap with probability |x| / 2^width.
            width: self
                .ring
                .or((self.truncation == Truncation::Local).then_some(64)),
            input_frac: d.input_frac,
            disclose_positive_scales: self.disclose_positive_scales,
        }
    }

    /// How many parties compute.
    pub(super) fn parties(&self) -> Result<usize, Failure> {
        let parties = self.parties.unwrap_or(*self.engine.parties().start());
        Ok(self.engine.cast(parties)?.parties)
    }

    /// The file, if it is no network of the zoo.
    fn file(&self) -> Option<&Path> {
        let path = Path::new(&self.model);
        let onnx = path.extension()?.eq_ignore_ascii_case("onnx");
        onnx.then_some(path)
    }

    /// The network.
    pub(super) fn build(&self) -> Result<Chosen, Failure> {
        if let Some(path) = self.file() {
            return self.read(path);
        }
        if self.input_shape.is_some() || self.result.is_some() || !self.fix.is_empty() {
            return Err("--input-shape, --fix and --result are for ONNX files".into());
        }
        let [_, native, _] = zoo::info(&self.model)?.input;
        let (batch, size) = (
            usize::from(self.batch),
            self.size.map_or(native, usize::from),
        );
        Ok(Chosen {
            model: zoo::build_sized(&self.model, self.model_seed, batch, size)?,
            tokens: zoo::tokens(&self.model).copied(),
            ending: Ending::None,
        })
    }

    fn read(&self, path: &Path) -> Result<Chosen, Failure> {
        if self.size.is_some() {
            return Err(
                "--size is for networks of `piquet models`; an ONNX file takes --input-shape"
                    .into(),
            );
        }
        let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let mut options = onnx::Options::default();
        let bytes = std::fs::metadata(path).map_err(|e| named(&e))?.len();
        if bytes > options.limits.file as u64 {
            let most = options.limits.file;
            return Err(named(&format!("{bytes} bytes, and {most} at most")).into());
        }
        options.batch = Some(usize::from(self.batch));
        options.input = self.input_shape.clone();
        options.fixed = self.fix.iter().cloned().collect();
        options.output = self.result.clone();
        let bytes = std::fs::read(path).map_err(|e| named(&e))?;
        let imported = onnx::import(&bytes, path.parent(), &options).map_err(|e| named(&e))?;
        let tokens = match imported.input {
            // Types and positions are the file's own matter.
            Input::Tokens { vocabulary, .. } => Some(Tokens::words(vocabulary)),
            _ => None,
        };
        Ok(Chosen {
            tokens,
            model: zoo::Model {
                graph: imported.graph,
                params: imported.params,
            },
            ending: imported.ending,
        })
    }

    /// What it is shown: the file, or what comes with Piquet.
    pub(super) fn input(
        &self,
        graph: &Graph,
        tokens: Option<Tokens>,
        file: Option<&Path>,
    ) -> Result<TensorF32, Failure> {
        let shape = graph.input_shape()?;
        match (file, tokens) {
            (Some(path), _) => self.load(path, graph, tokens),
            (None, _) if self.file().is_none() => Ok(zoo::example(graph)?),
            (None, Some(tokens)) => Ok(zoo::text(graph, &tokens)?),
            (None, None) => picture::photograph(shape, self.pixels),
        }
    }

    /// An input from a file.
    fn load(
        &self,
        path: &Path,
        graph: &Graph,
        tokens: Option<Tokens>,
    ) -> Result<TensorF32, Failure> {
        match tokens {
            Some(tokens) => Ok(tokens::load(path, graph, &tokens)?),
            None => picture::load(path, graph.input_shape()?, self.pixels),
        }
    }

    /// The true classes of what it is shown where no file is given, if they are known.
    pub(super) fn labels(&self, input: &TensorF32) -> Result<Option<Vec<usize>>, Failure> {
        if self.file().is_some() || self.model != zoo::digits::NAME {
            return Ok(None);
        }
        let labels = zoo::digits::test_set()?.labels;
        let batch = input.shape().batch();
        Ok(Some(labels.into_iter().cycle().take(batch).collect()))
    }

    /// Its fixed-point program. `class_only` adds the choice of the largest logit, so that no more is revealed.
    pub(super) fn task(
        &self,
        mut model: zoo::Model,
        tokens: Option<Tokens>,
        class_only: bool,
    ) -> Result<Task, Failure> {
        if class_only {
            model.graph = model.graph.with_argmax()?;
        }
        let shape = model.graph.input_shape()?.clone();
        let samples: Vec<TensorF32> = match (&self.calibrate[..], tokens) {
            ([], _) if self.file().is_none() => zoo::samples(&model.graph, self.model_seed)?,
            ([], Some(tokens)) => zoo::texts(&model.graph, &tokens, self.model_seed)?,
            ([], None) => picture::samples(&shape, self.pixels, self.model_seed)?,
            (files, _) => files
                .iter()
                .map(|file| self.load(file, &model.graph, tokens))
                .collect::<Result<_, _>>()?,
        };
        let calibration = self.calibration(&model.graph, tokens);
        Task::new(model, &samples, calibration)
    }
}

fn parse_fixed(text: &str) -> Result<(String, Fixed), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed")?;
    Ok((name.to_owned(), value.parse()?))
}
