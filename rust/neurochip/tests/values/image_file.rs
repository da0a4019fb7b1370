//! The file format: what is written is read again, and nothing else is read.

use neurochip::image::description::{Connector, Model, Population, SpikeCode};
use neurochip::image::{Error, Image};
use proptest::prelude::*;
use serde_json::Value;

use crate::network::{Network, binary, input, tiny};
use crate::random::{Choices, choices, network};

fn small() -> Network {
    let mut network = Network::new(tiny(&[]), input([2, 2, 1], SpikeCode::Binary { bits: 4, signed: false }));
    let model = Model::Stem(network.plain_stem(5, [0, 15]));
    let name = "dense".into();
    let population = Population { name, shape: [1, 1, 2], send_start: 4, code: binary(4, false), model };
    let target = network.add(population);
    network.connect(0, target, Connector::Dense, vec![1, 2, 3, 4, -5, -6, -7, -8]);
    network
}

#[test]
fn a_small_file_begins_with_its_name_and_version() {
    let bytes = small().image().to_bytes();
    assert_eq!(&bytes[..8], b"NEUROIMG");
    assert_eq!(bytes[8..12], 5u32.to_le_bytes());
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = small().image().to_bytes();
    let refused = |length: usize| Image::from_bytes(&bytes[..length]).unwrap_err();
    assert!(matches!(refused(0), Error::Foreign));
    for length in 1..bytes.len() {
        assert!(matches!(refused(length), Error::Length { .. }), "{length} bytes");
    }
    assert_eq!(refused(59).to_string(), "image has 59 bytes, its header says 60");
}

#[test]
fn every_change_of_a_single_byte_is_an_error() {
    let original = small().image().to_bytes();
    let mut bytes = original.clone();
    for position in 0..bytes.len() {
        for value in 0..=255 {
            bytes[position] = value;
            let Err(error) = Image::from_bytes(&bytes) else {
                assert_eq!(value, original[position], "byte {position}");
                continue;
            };
            let expected = match position {
                0..8 => matches!(error, Error::Foreign),
                8..12 => matches!(error, Error::Version { .. }),
                12..28 => matches!(error, Error::Length { .. }),
                _ => matches!(error, Error::Altered),
            };
            assert!(expected, "byte {position}: {error}");
        }
        bytes[position] = original[position];
    }
}

#[test]
fn what_follows_a_whole_file_is_an_error() {
    let mut bytes = small().image().to_bytes();
    bytes.push(0);
    let message = format!("image has {} bytes, its header says {}", bytes.len(), bytes.len() - 1);
    assert_eq!(Image::from_bytes(&bytes).unwrap_err().to_string(), message);
}

#[test]
fn refusals_say_what_is_wrong_with_a_file() {
    let mut bytes = small().image().to_bytes();
    let message = |bytes: &[u8]| Image::from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(message(b"PNG"), "not a neurochip image (its first bytes are not `NEUROIMG`)");
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(message(&bytes), "image was altered: its SHA-256 is not the one in its header");
    bytes[8] = 1;
    assert_eq!(message(&bytes), "image format version 1, this neurochip reads version 5");
}

#[test]
fn a_description_that_is_not_this_schema_is_refused_with_the_field() {
    let (description, blob) = small().describe();
    let mut value = serde_json::to_value(&description).unwrap();
    value["populations"][1]["threshold"] = 3.into();
    let error = Image::new(&value.to_string(), blob).unwrap_err().to_string();
    assert!(error.starts_with("image description: unknown field `threshold`, expected one of "), "{error}");
}

/// Replaces, removes or renames one value of a tree, chosen by number.
fn mutate(value: &mut Value, mut choice: usize, replacement: &Value) {
    if let Value::Object(fields) = value
        && !fields.is_empty()
    {
        let key = fields.keys().nth(choice % fields.len()).unwrap().clone();
        choice /= fields.len();
        if choice.is_multiple_of(16) {
            fields.remove(&key);
        } else {
            mutate(&mut fields[&key], choice / 2, replacement);
        }
    } else if let Value::Array(values) = value
        && !values.is_empty()
        && !choice.is_multiple_of(8)
    {
        let length = values.len();
        mutate(&mut values[choice / 8 % length], choice / 8 / length, replacement);
    } else {
        *value = replacement.clone();
    }
}

fn replacements() -> impl Strategy<Value = Value> {
    let numbers = [0, 1, 2, 7, 9, 255, 1 << 20, (1 << 20) + 1, 1 << 31, u64::from(u32::MAX), u64::MAX];
    prop_oneof![
        prop::sample::select(numbers.to_vec()).prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (0..20u32).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        Just(Value::from("dense")),
        Just(serde_json::json!([])),
        Just(serde_json::json!([1, 1, 1])),
        Just(serde_json::json!([1_048_576, 256, 1])),
        Just(serde_json::json!({"kind": "one_to_one", "index": null})),
        Just(serde_json::json!({"model": "max_pool"})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_image_read_again_is_the_image_that_was_written(numbers in choices(), scale: f64) {
        let network = network(&mut Choices::new(numbers));
        let (mut description, blob) = network.describe();
        description.host = serde_json::json!({"scale": scale, "names": ["a", "ü"]});
        let image = Image::new(&serde_json::to_string(&description).unwrap(), blob).unwrap();
        prop_assert_eq!(image.description(), &description);
        let bytes = image.to_bytes();
        let again = Image::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&again, &image);
        prop_assert_eq!(again.to_bytes(), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What passes the door must run; what does not is an error, never a panic.
    #[test]
    fn a_mutated_description_is_refused_or_runs(
        numbers in choices(),
        mutations in prop::collection::vec((any::<usize>(), replacements()), 1..3),
    ) {
        let (description, blob) = network(&mut Choices::new(numbers)).describe();
        let mut value = serde_json::to_value(&description).unwrap();
        for (choice, replacement) in mutations {
            mutate(&mut value, choice, &replacement);
        }
        if let Ok(image) = Image::new(&value.to_string(), blob) {
            run_if_small(image);
        }
    }
}

fn run_if_small(image: Image) {
    use neurochip::simulator::{Progress, Simulator, Timing};

    let description = image.description();
    let neurons: usize = description.populations.iter().map(Population::num_neurons).sum();
    if neurons > 10_000 || description.timesteps > 1_000 {
        return;
    }
    let simulator = Simulator::new(image);
    let codes: Vec<u8> = (0..simulator.input_length()).map(|neuron| (neuron * 37) as u8).collect();

    simulator.run(&codes, Timing::None, &Progress::default()).unwrap();
}

#[test]
fn a_file_made_by_version_4_is_refused_by_its_version() {
    let bytes = include_bytes!("../../../../tests/data/version_4.image");
    let message = Image::from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(message, "image format version 4, this neurochip reads version 5");
}
