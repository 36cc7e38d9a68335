//! Files of known answers: what the reference says, what the crate says, what the file says.

use serde_json::{Value, json};

/// Holds the file, and what the crate says, to the reference. A case is (name, what the reference says, what the crate
/// says).
pub(crate) fn hold(file: &str, generator: &str, cases: &[(String, Value, Value)]) {
    let path = format!("{}/tests/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("PIQUET_BLESS").is_some() {
        std::fs::write(&path, written(generator, cases)).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(said["generator"], generator);
    let said = said["cases"].as_array().unwrap();
    assert_eq!(said.len(), cases.len(), "{path}");
    for ((name, reference, crate_), said) in cases.iter().zip(said) {
        assert_eq!(said["name"], name.as_str(), "{path}");
        assert_eq!(
            reference, &said["case"],
            "{file}, {name}: reference and file"
        );
        assert_eq!(crate_, &said["case"], "{file}, {name}: crate and file");
    }
}

/// A line for each thing that is said of a case.
fn written(generator: &str, cases: &[(String, Value, Value)]) -> String {
    let case = |(name, said, _): &(String, Value, Value)| {
        let lines: Vec<_> = said
            .as_object()
            .unwrap()
            .iter()
            .map(|(k, v)| match v.as_array() {
                Some(list) if list.iter().any(Value::is_object) => {
                    let list: Vec<_> = list.iter().map(Value::to_string).collect();
                    format!("{}: [\n    {}\n  ]", json!(k), list.join(",\n    "))
                }
                _ => format!("{}: {v}", json!(k)),
            })
            .collect();
        format!(
            "{{\"name\": {}, \"case\": {{\n  {}\n}}}}",
            json!(name),
            lines.join(",\n  ")
        )
    };
    let cases: Vec<_> = cases.iter().map(case).collect();
    format!(
        "{{\"generator\": {},\n\"cases\": [\n{}\n]}}\n",
        json!(generator),
        cases.join(",\n")
    )
}
