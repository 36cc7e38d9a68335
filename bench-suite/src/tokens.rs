//! Texts for transformers: numbers of words, from a file or from a seed, as the unit vectors that a network takes.

use std::path::Path;

use piquet_nn_ops::model::{Graph, ModelError, TensorF32};
use rand_core::Rng;

use crate::image::{InputError, read};
use crate::npy;
use crate::zoo::Tokens;

/// Longest text of a file.
const MAX_TEXT: usize = 1 << 20;

/// The tokens of a file, whitespace between their numbers or an NPY array of integers, as the input of a graph; with
/// fewer texts than the graph takes at once, the one again and again.
pub fn load(path: &Path, graph: &Graph, tokens: &Tokens) -> Result<TensorF32, InputError> {
    let refuse = |reason: String| InputError::NotTokens {
        path: path.to_owned(),
        reason,
    };
    let array = path.extension();
    let words = match array.is_some_and(|e| e.eq_ignore_ascii_case("npy")) {
        true => npy::load_integers(path)?,
        false => parse(&read(path)?).map_err(refuse)?,
    };
    if words.len() > MAX_TEXT {
        return Err(refuse(format!("more than {MAX_TEXT} tokens")));
    }
    let [rows, each] = lengths(graph, tokens)?;
    if words.len() != rows && words.len() != each {
        let reason = format!(
            "{} tokens, and the network takes {each}; with --size {0} (ONNX: --input-shape 1,{0}) it takes so many",
            words.len()
        );
        return Err(refuse(reason));
    }
    let text: Vec<usize> = words
        .iter()
        .map(|w| usize::try_from(*w).ok().filter(|w| *w < tokens.vocabulary))
        .collect::<Option<_>>()
        .ok_or_else(|| {
            let most = tokens.vocabulary - 1;
            refuse(format!("tokens are numbers from 0 to {most}"))
        })?;
    Ok(unit_vectors(graph, tokens, &text)?)
}

/// A text from a seed: short words more often than long ones, as small numbers are for common words.
pub fn seeded(graph: &Graph, tokens: &Tokens, rng: &mut impl Rng) -> Result<TensorF32, ModelError> {
    let [_, each] = lengths(graph, tokens)?;
    let text: Vec<usize> = (0..each)
        .map(|_| {
            let [a, b] = [rng.next_u32(), rng.next_u32()].map(|r| r as usize % tokens.vocabulary);
            a.min(b)
        })
        .collect();
    unit_vectors(graph, tokens, &text)
}

/// Tokens of all texts, and of one; or why a graph does not take such tokens.
fn lengths(graph: &Graph, tokens: &Tokens) -> Result<[usize; 2], ModelError> {
    let shape = graph.input_shape()?;
    let Tokens {
        vocabulary,
        types,
        positions,
    } = tokens;
    let columns = [*types, *positions]
        .iter()
        .try_fold(*vocabulary, |sum, n| sum.checked_add(*n));
    if *vocabulary == 0 || shape.rank() != 2 || columns != Some(shape.last()) {
        return Err(ModelError::Graph {
            graph: graph.name().to_owned(),
            reason: format!(
                "its input of shape {shape} is no text of {vocabulary} words, {types} types and {positions} positions"
            ),
        });
    }
    let rows = shape.batch();
    let texts = match tokens.positions {
        // The network's own matter, and so is how many texts it takes.
        0 => 1,
        _ => graph.output_shape()?.batch(),
    };
    Ok([rows, rows / texts.max(1)])
}

/// A row for each token: 1 at its word, at the first type and at its position.
fn unit_vectors(graph: &Graph, tokens: &Tokens, text: &[usize]) -> Result<TensorF32, ModelError> {
    let [_, each] = lengths(graph, tokens)?;
    let shape = graph.input_shape()?.clone();
    let mut x = TensorF32::filled(shape, 0.0);
    let rows = x.data_mut().chunks_exact_mut(tokens.columns());
    for (i, (row, word)) in rows.zip(text.iter().cycle()).enumerate() {
        let position = tokens.vocabulary + tokens.types + i % each.max(1);
        let kind = (tokens.types > 0).then_some(tokens.vocabulary);
        for at in [*word, position].into_iter().chain(kind) {
            if let Some(v) = row.get_mut(at) {
                *v = 1.0;
            }
        }
    }
    Ok(x)
}

fn parse(bytes: &[u8]) -> Result<Vec<i64>, String> {
    let text = str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    let words: Result<Vec<i64>, String> = text
        .split_ascii_whitespace()
        // One too many is as good as all.
        .take(MAX_TEXT + 1)
        .map(|w| {
            let short: String = w.chars().take(20).collect();
            w.parse()
                .map_err(|_| format!("`{short}` is no whole number"))
        })
        .collect();
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn tokens_become_unit_vectors() {
        let tokens = zoo::tokens("bert-test").unwrap();
        let graph = zoo::graph("bert-test", 2, 3).unwrap();
        let x = unit_vectors(&graph, tokens, &[7, 0, 49]).unwrap();
        assert_eq!(x.shape().dims(), [6, 64]);
        let ones =
            |row: &[f32]| -> Vec<usize> { (0..row.len()).filter(|i| row[*i] == 1.0).collect() };
        let rows: Vec<_> = x.data().chunks(64).map(ones).collect();
        assert_eq!(
            rows[..3],
            [vec![7, 50, 52], vec![0, 50, 53], vec![49, 50, 54]]
        );
        assert_eq!(rows[3..], rows[..3]);
        assert_eq!(x.data().iter().sum::<f32>(), 18.0);
    }

    #[test]
    fn networks_that_take_other_tokens_are_named() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let graph = zoo::graph("bert-test", 1, 3).unwrap();
        let few = zoo::tokens("gpt2-test").unwrap();
        for tokens in [Tokens::words(0), Tokens::words(usize::MAX), *few] {
            let refused = seeded(&graph, &tokens, &mut rng).unwrap_err().to_string();
            assert!(
                refused.contains("`bert-test`") && refused.contains("words"),
                "{refused}"
            );
            let refused = unit_vectors(&graph, &tokens, &[1, 2, 3]).unwrap_err();
            assert!(matches!(refused, ModelError::Graph { .. }));
        }
        let picture = zoo::graph("tiny", 1, 16).unwrap();
        assert!(seeded(&picture, &Tokens::words(16), &mut rng).is_err());
    }

    #[test]
    fn texts_are_read_or_what_is_wrong_is_said() {
        let dir = std::env::temp_dir().join(format!("piquet-tokens-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let tokens = zoo::tokens("bert-test").unwrap();
        let graph = zoo::graph("bert-test", 1, 3).unwrap();
        let read = |text: &str| {
            let path = dir.join("text.txt");
            std::fs::write(&path, text).unwrap();
            load(&path, &graph, tokens).map_err(|e| e.to_string())
        };
        let want = unit_vectors(&graph, tokens, &[7, 0, 49]).unwrap();
        assert_eq!(read(" 7 0\n49\n").unwrap(), want);
        for (text, says) in [
            ("1 2", "2 tokens, and the network takes 3; with --size 2"),
            ("1 2 50", "from 0 to 49"),
            ("1 -2 3", "from 0 to 49"),
            ("1 two 3", "`two` is no whole number"),
            ("", "0 tokens, and the network takes 3"),
            (&"1 ".repeat(MAX_TEXT + 1), "more than 1048576 tokens"),
        ] {
            let e = read(text).unwrap_err();
            assert!(e.contains("text.txt") && e.contains(says), "{e}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
