//! Files that no exporter writes. Those that exporters do write are among the whole-system tests.

use super::proto::{
    AttributeProto, DimensionProto, FunctionProto, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::*;
use prost::Message as _;

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op.to_owned()),
        input: inputs.iter().map(|i| (*i).to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |d: &i64| DimensionProto {
        dim_value: Some(*d),
        dim_param: None,
    };
    let shape = TensorShapeProto {
        dim: dims.iter().map(dim).collect(),
    };
    let tensor_type = Some(TensorTypeProto {
        elem_type: Some(1),
        shape: Some(shape),
    });
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { tensor_type }),
    }
}

fn bytes_of(name: &str, dims: &[i64], data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(2),
        raw_data: Some(data.into()),
        ..TensorProto::default()
    }
}

fn model(node: Vec<NodeProto>, initializer: Vec<TensorProto>, dims: &[i64]) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        graph: Some(GraphProto {
            node,
            initializer,
            input: vec![value("x", dims)],
            output: vec![value("y", &[])],
            ..GraphProto::default()
        }),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(13),
        }],
        functions: Vec::new(),
    }
}

fn read(model: &ModelProto) -> Result<Imported, OnnxError> {
    import(&model.encode_to_vec(), None, &Options::default())
}

#[track_caller]
fn refused(model: &ModelProto, word: &str) {
    let why = read(model).unwrap_err().to_string();
    assert!(why.contains(word), "no `{word}` in: {why}");
}

/// `n` nodes, one after the other.
fn chain(n: usize) -> ModelProto {
    let name = |i: usize| match i {
        0 => "x".to_owned(),
        i if i == n => "y".to_owned(),
        i => format!("v{i}"),
    };
    let all = (0..n).map(|i| node("Relu", &[&name(i)], &name(i + 1)));
    model(all.collect(), Vec::new(), &[1, 2])
}

#[test]
fn a_chain_may_be_as_long_as_a_graph() {
    use crate::model::MAX_NODES;
    let longest = read(&chain(MAX_NODES - 1)).unwrap();
    assert_eq!(longest.graph.nodes().len(), MAX_NODES);
    refused(&chain(MAX_NODES), "more than 16384 nodes");
    refused(&chain(MAX_NODES + 1), "the number of its nodes");
}

#[test]
fn one_node_cannot_become_more_than_a_graph_holds() {
    let sum = node("Sum", &vec!["x"; 20_000], "y");
    refused(&model(vec![sum], Vec::new(), &[2]), "more than 16384 nodes");
}

#[test]
fn a_tensor_that_many_nodes_share_is_counted_with_each() {
    let weight = bytes_of("w", &[128, 128], vec![1; 1 << 14]);
    let shared = |n: usize| {
        let name = |i: usize| {
            if i == n {
                "y".to_owned()
            } else {
                format!("v{i}")
            }
        };
        let first = node("Identity", &["x"], "v0");
        let all = (0..n).map(|i| node("MatMul", &[&name(i), "w"], &name(i + 1)));
        let nodes = [first].into_iter().chain(all).collect();
        model(nodes, vec![weight.clone()], &[1, 128])
    };
    assert_eq!(read(&shared(8)).unwrap().graph.nodes().len(), 9);
    refused(&shared(200), "than is allowed");
}

#[test]
fn graphs_within_graphs_are_not_opened() {
    // Ten thousand graphs, each in a node of the one before.
    let mut inner = Vec::new();
    for _ in 0..10_000 {
        let attribute = AttributeProto {
            name: Some("body".to_owned()),
            g: Some(inner.into()),
            r#type: Some(5),
            ..AttributeProto::default()
        };
        let mut outer = node("Loop", &["x"], "y");
        outer.attribute.push(attribute);
        let graph = GraphProto {
            node: vec![outer],
            ..GraphProto::default()
        };
        inner = graph.encode_to_vec();
    }
    let mut top = node("Loop", &["x"], "y");
    top.attribute.push(AttributeProto {
        name: Some("body".to_owned()),
        g: Some(inner.into()),
        ..AttributeProto::default()
    });
    refused(&model(vec![top], Vec::new(), &[2]), "graphs within graphs");
}

#[test]
fn attributes_of_the_wrong_type_are_refused() {
    let mut leaky = node("LeakyRelu", &["x"], "y");
    leaky.attribute.push(AttributeProto {
        name: Some("alpha".to_owned()),
        i: Some(1),
        r#type: Some(2),
        ..AttributeProto::default()
    });
    let mut file = model(vec![leaky], Vec::new(), &[2]);
    refused(&file, "attribute `alpha` has the wrong type");
    // The oldest files name no types.
    let attribute = &mut file.graph.as_mut().unwrap().node[0].attribute[0];
    (attribute.r#type, attribute.f, attribute.i) = (None, Some(0.5), None);
    let op = read(&file).unwrap().graph.nodes()[1].op.clone();
    assert_eq!(op.name(), "leaky_relu");
}

#[test]
fn what_names_mean_must_be_clear() {
    let relu = || vec![node("Relu", &["x"], "y")];
    let byte = |name: &str| bytes_of(name, &[1], vec![1]);
    refused(
        &model(relu(), vec![byte("w"), byte("w")], &[2]),
        "two initializers",
    );
    refused(&model(relu(), vec![byte("y")], &[2]), "`y` is made twice");
    refused(&model(relu(), vec![byte("x")], &[2]), "no input");
    let mut sparse = model(relu(), Vec::new(), &[2]);
    let graph = sparse.graph.as_mut().unwrap();
    graph.sparse_initializer.push(vec![0x0a, 0x00].into());
    refused(&sparse, "sparse");
    let mut versions = model(relu(), Vec::new(), &[2]);
    versions.opset_import.push(OperatorSetIdProto {
        domain: Some("ai.onnx".to_owned()),
        version: Some(14),
    });
    refused(&versions, "two versions");
    versions.opset_import.clear();
    refused(&versions, "does not name the version");
}

/// A file may give the name of an operator a meaning of its own.
#[test]
fn functions_of_the_file_are_refused() {
    let mut file = model(vec![node("Relu", &["x"], "y")], Vec::new(), &[2]);
    file.functions.push(FunctionProto {
        name: Some("Relu".to_owned()),
        domain: Some("other".to_owned()),
    });
    assert!(read(&file).is_ok());
    file.functions[0].domain = Some("ai.onnx".to_owned());
    refused(&file, "function of the file");
}

#[test]
fn limits_hold() {
    let add = vec![node("Add", &["x", "w"], "y")];
    let file = model(add, vec![bytes_of("w", &[1, 8], vec![1; 8])], &[2, 8]).encode_to_vec();
    let with = |change: fn(&mut Limits)| {
        let mut options = Options::default();
        change(&mut options.limits);
        import(&file, None, &options).map_err(|e| e.to_string())
    };
    assert!(with(|_| {}).is_ok());
    assert!(with(|l| (l.file, l.constants, l.value) = (200, 8, 16)).is_ok());
    for (change, word) in [
        ((|l| l.file = 40) as fn(&mut Limits), "number of its bytes"),
        (|l| l.constants = 7, "more numbers than is allowed"),
        (|l| l.value = 15, "elements of its input exceeds 15"),
    ] {
        let why = with(change).unwrap_err();
        assert!(why.contains(word), "no `{word}` in: {why}");
    }
}

#[test]
fn endless_shapes_without_elements_cost_nothing() {
    // Two billion rows without a column, joined with themselves.
    let empty = bytes_of("w", &[1 << 31, 0], Vec::new());
    let nodes = vec![
        node("Concat", &["w", "w"], "c"),
        node("Shape", &["c"], "s"),
        node("Cast", &["s"], "f"),
        node("Add", &["x", "f"], "y"),
    ];
    let mut file = model(nodes, vec![empty], &[2]);
    file.graph.as_mut().unwrap().node[0]
        .attribute
        .push(AttributeProto {
            name: Some("axis".to_owned()),
            i: Some(1),
            ..AttributeProto::default()
        });
    assert!(read(&file).is_ok());
}

/// A file whose input `x` is tokens, `dims` of them, and a table of so many rows of one number.
fn tokens(dims: &[i64], rows: usize) -> ModelProto {
    let table = bytes_of("t", &[rows as i64, 1], vec![1; rows]);
    let mut file = model(vec![node("Gather", &["t", "x"], "y")], vec![table], dims);
    let input = &mut file.graph.as_mut().unwrap().input[0];
    let of_type = input.r#type.as_mut().unwrap();
    of_type.tensor_type.as_mut().unwrap().elem_type = Some(7);
    file
}

#[test]
fn tokens_become_unit_vectors() {
    let read = read(&tokens(&[1, 3], 4)).unwrap();
    let (dims, vocabulary) = (vec![1, 3], 4);
    assert_eq!(read.input, Input::Tokens { dims, vocabulary });
    assert_eq!(read.graph.input_shape().unwrap().dims(), [3, 4]);
    assert_eq!(read.graph.output_shape().unwrap().dims(), [1, 3, 1]);
    let x = read.input.unit_vectors(&[3, 0, 1]).unwrap();
    assert_eq!(x.data(), [0., 0., 0., 1., 1., 0., 0., 0., 0., 1., 0., 0.]);
    for (text, word) in [
        (&[0, 1][..], "3 tokens, not 2"),
        (&[0, 1, 4], "not below 4"),
    ] {
        let why = read.input.unit_vectors(text).unwrap_err().to_string();
        assert!(why.contains(word), "no `{word}` in: {why}");
    }
    assert!(Input::Numbers.unit_vectors(&[]).is_err());
}

#[test]
fn unit_vectors_are_bounded() {
    let mut options = Options::default();
    options.limits.value = 100;
    let import = |rows| import(&tokens(&[1, 10], rows).encode_to_vec(), None, &options);
    assert!(import(10).is_ok());
    let why = import(11).unwrap_err().to_string();
    assert!(why.contains("more than 100 elements"), "{why}");
}

#[test]
fn inputs_that_are_no_secret_are_fixed() {
    let mut file = model(vec![node("Add", &["x", "z"], "y")], Vec::new(), &[2, 3]);
    file.graph.as_mut().unwrap().input.push(value("z", &[0, 3]));
    refused(&file, "2 inputs, and one is what can be shared: x, z");
    let with = |name: &str, fixed| {
        let mut options = Options::default();
        options.fixed.insert(name.to_owned(), fixed);
        import(&file.encode_to_vec(), None, &options).map_err(|e| e.to_string())
    };
    for fixed in [Fixed::Number(0.5), Fixed::Places] {
        assert_eq!(
            with("z", fixed)
                .unwrap()
                .graph
                .output_shape()
                .unwrap()
                .dims(),
            [2, 3]
        );
    }
    let why = with("w", Fixed::Places).unwrap_err();
    assert!(why.contains("no input `w`; it has x, z"), "{why}");
    // Nothing is left that could be shared.
    let mut options = Options::default();
    for name in ["x", "z"] {
        options.fixed.insert(name.to_owned(), Fixed::Number(1.0));
    }
    let why = import(&file.encode_to_vec(), None, &options)
        .unwrap_err()
        .to_string();
    assert!(why.contains("no input"), "{why}");
    assert_eq!("places".parse(), Ok(Fixed::Places));
    assert_eq!("-1e4".parse(), Ok(Fixed::Number(-1e4)));
    assert!("1 0".parse::<Fixed>().is_err());
}

#[test]
fn many_masks_of_one_constant_are_counted() {
    let all = 1 << 14;
    let mask = bytes_of("m", &[128, 128], (0..all).map(|i| (i % 2) as u8).collect());
    let name = |i: usize| format!("v{i}");
    let chain = (0..200).map(|i| node("Where", &["m", &name(i), &name(i)], &name(i + 1)));
    let first = [node("Identity", &["x"], "v0")];
    let last = [node("Identity", &["v200"], "y")];
    let nodes = first.into_iter().chain(chain).chain(last).collect();
    refused(&model(nodes, vec![mask], &[128, 128]), "than is allowed");
}

/// Sums of sums, each of which could be a polynomial of any value before it.
#[test]
fn deep_arithmetic_before_a_function_takes_no_time() {
    let name = |i: usize| {
        if i == 0 {
            "x".to_owned()
        } else {
            format!("v{i}")
        }
    };
    let mut nodes: Vec<_> = (0..1000)
        .map(|i| node("Add", &[&name(i), &name(i)], &name(i + 1)))
        .collect();
    nodes.extend((1..1000).map(|i| node("Tanh", &[&name(i)], &format!("t{i}"))));
    let all: Vec<String> = (1..1000).map(|i| format!("t{i}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    nodes.push(node("Sum", &all, "y"));
    assert!(read(&model(nodes, Vec::new(), &[2])).is_ok());
}
