//! Every refusal of an image's description, word for word.

mod wiring;

use neurochip::image::Image;
use neurochip::image::description::{
    Connector, Description, Model, Numbers, Population, Requantizer, Sparsity, SpikeCode, Stem, Window,
};

use crate::network::{Network, binary, input, tiny};

const WINDOW: Window = Window { kernel: [1, 2], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };

/// input -> conv -> pool -> dense -> read, and from the input past them to dense. The binary part begins
/// with zeros that nobody reads: edits put their numbers there.
fn network() -> Network {
    let mut network = Network::new(tiny(&[]), input([1, 2, 2], SpikeCode::Binary { bits: 4, signed: false }));
    network.blob = vec![0; 64];
    let population = |name: &str, shape, send_start, bits, model| Population {
        name: name.into(),
        shape,
        send_start,
        code: binary(bits, false),
        model,
    };
    let conv = Model::Stem(network.plain_stem(1, [0, 15]));
    let conv = network.add(population("conv", [1, 2, 4], 4, 4, conv));
    network.connect(0, conv, Connector::Convolution { window: WINDOW, groups: 2 }, vec![1; 8]);
    let pool = network.add(population("pool", [1, 1, 4], 5, 4, Model::MaxPool));
    network.connect(conv, pool, Connector::Pool { window: WINDOW }, vec![1, 2]);
    let dense = Model::Stem(network.plain_stem(1, [0, 15]));
    let dense = network.add(population("dense", [1, 1, 3], 9, 4, dense));
    network.connect(pool, dense, Connector::Dense, vec![300; 12]);
    let sources = network.add_i32(&[0, 3, -1]);
    let index = Connector::OneToOne { index: Some(sources) };
    network.connect_index(0, dense, index, vec![1], Some(vec![0, 3, -1]));
    let read = Stem { requantizer: None, ..network.plain_stem(1, [0, 0]) };
    let read = network.add(population("read", [1, 1, 3], 13, 0, Model::Stem(read)));
    network.connect(dense, read, Connector::OneToOne { index: None }, vec![1]);
    network
}

/// What is said about the network after an edit.
fn refusal(edit: impl FnOnce(&mut Description, &mut Vec<u8>)) -> String {
    let (mut description, mut blob) = network().describe();
    edit(&mut description, &mut blob);
    let error = Image::new(&serde_json::to_string(&description).unwrap(), blob).unwrap_err().to_string();
    error.strip_prefix("image description: ").unwrap().to_owned()
}

/// The same, after an edit of one population.
fn refusal_of(number: usize, edit: impl FnOnce(&mut Population)) -> String {
    refusal(|image, _| edit(&mut image.populations[number]))
}

/// The same, after an edit of the parameters of `dense`.
fn refusal_of_stem(edit: impl FnOnce(&mut Stem)) -> String {
    refusal_of(3, |population| match &mut population.model {
        Model::Stem(stem) => edit(stem),
        _ => panic!("not a STEM population"),
    })
}

/// The same, with a requantizer of `dense` whose arrays lie in a binary part of zeros.
fn refusal_of_requantizer(requantizer: Requantizer, words: &[i32]) -> String {
    refusal(|image, blob| {
        let Model::Stem(stem) = &mut image.populations[3].model else { panic!("not a STEM population") };
        stem.requantizer = Some(requantizer);
        blob[..words.len() * 4]
            .copy_from_slice(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    })
}

fn words(offset: u64, count: u64) -> Numbers {
    Numbers { offset, count, bytes: 4 }
}

#[test]
fn the_network_itself_is_an_image() {
    network().image();
}

#[test]
fn a_chip_or_a_length_that_cannot_be() {
    assert_eq!(
        refusal(|image, _| image.chip.core.max_neurons = 0),
        "its chip: `core.max_neurons` is 0, expected 1 to 16777216"
    );
    assert_eq!(refusal(|image, _| image.timesteps = 0), "0 timesteps, expected 1 to 1048576");
    assert_eq!(refusal(|image, _| image.timesteps = u32::MAX), "4294967295 timesteps, expected 1 to 1048576");
    assert_eq!(refusal(|image, _| image.outputs = vec![5]), "an output is population 5, there are 5");
    assert_eq!(refusal(|image, _| image.outputs = vec![]), "there is no output");
    assert_eq!(refusal(|image, _| image.outputs = vec![4, 3, 4]), "population 4 is an output twice");
}

#[test]
fn a_population_of_no_or_too_many_neurons() {
    let expected = "expected 1 to 268435456 neurons, 1048576 along an axis";
    for shape in [[0, 1, 1], [1 << 20, 1 << 8, 2], [1 << 21, 1, 1], [u32::MAX; 3]] {
        assert_eq!(
            refusal_of(1, |population| population.shape = shape),
            format!("population 'conv' has shape {shape:?}, {expected}")
        );
    }
}

#[test]
fn a_code_that_does_not_fit_a_byte_or_the_sample() {
    assert_eq!(
        refusal_of(0, |population| population.code = binary(9, false)),
        "population 'input' sends 9 bits, expected 1 to 8"
    );
    assert_eq!(
        refusal_of(4, |population| population.code = binary(1, false)),
        "population 'read' sends bits, which its model does not"
    );
    assert_eq!(
        refusal_of(4, |population| population.send_start = 14),
        "population 'read' sends 0 steps from timestep 14 on, a sample has 14"
    );
    assert_eq!(
        refusal_of(3, |population| population.send_start = u32::MAX),
        "population 'dense' sends 4 steps from timestep 4294967295 on, a sample has 14"
    );
    assert_eq!(
        refusal_of_stem(|stem| stem.high = 16),
        "population 'dense' sends values 0 to 16, expected 0 to 15"
    );
    assert_eq!(
        refusal_of_stem(|stem| stem.low = 16),
        "population 'dense' sends values 16 to 15, expected 0 to 15"
    );
}

#[test]
fn a_sparsity_that_leaves_nothing_or_whose_levels_leave_the_range() {
    let dense = |low, high, rot, drlo| {
        refusal_of_stem(|stem| {
            (stem.low, stem.high, stem.sparsity) = (low, high, Some(Sparsity { rot, drlo }));
        })
    };
    assert_eq!(dense(0, 0, 4, 4), "population 'dense' has RoT 4, expected 0 to 3");
    assert_eq!(dense(0, 0, 0, 0), "population 'dense' has DRLO 0, expected 1 to 4");
    assert_eq!(dense(0, 0, 0, 5), "population 'dense' has DRLO 5, expected 1 to 4");
    assert_eq!(
        dense(0, 15, 2, 4),
        "population 'dense' never sends its largest value, 15, with RoT 2 and DRLO 4"
    );
    assert_eq!(
        dense(3, 12, 0, 1),
        "population 'dense' never sends its smallest value, 3, with RoT 0 and DRLO 1"
    );
    assert_eq!(
        refusal_of(4, |population| match &mut population.model {
            Model::Stem(stem) => stem.sparsity = Some(Sparsity { rot: 1, drlo: 8 }),
            _ => panic!("not a STEM population"),
        }),
        "population 'read' sends nothing, and has a sparsity"
    );
}

#[test]
fn an_input_that_is_not_the_first_and_only() {
    let input = |port| Model::Input { port };
    assert_eq!(
        refusal_of(0, |population| population.model = input(2)),
        "population 'input' enters at io port 2, the chip has 2"
    );
    assert_eq!(
        refusal_of(1, |population| population.model = input(0)),
        "population 'conv' is a second input"
    );
    assert_eq!(
        refusal_of(0, |population| population.model = Model::MaxPool),
        "the first population, 'input', is not the input"
    );
    assert_eq!(
        refusal(|image, _| image.outputs = vec![3]),
        "population 'read' sends nothing and is no output"
    );
}

#[test]
fn constants_that_are_too_few_or_not_there() {
    assert_eq!(
        refusal_of_stem(|stem| stem.bias.count = 2),
        "population 'dense' has 2 biases, expected 1, 3 or 3"
    );
    let (_, blob) = network().describe();
    let bytes = blob.len();
    for offset in [bytes as u64, u64::MAX] {
        assert_eq!(
            refusal_of_stem(|stem| stem.bias.offset = offset),
            format!("population 'dense' has 1 biases at byte {offset} of {bytes}")
        );
    }
    for bytes in [0, 3, 8] {
        assert_eq!(
            refusal_of_stem(|stem| stem.bias.bytes = bytes),
            format!("population 'dense' has 1 biases of {bytes} bytes, expected 1, 2 or 4")
        );
    }
    let offset = Numbers { bytes: 16, ..words(0, 3) };
    let wide = Requantizer::Fixed { multiplier: words(0, 3), offset, shift: words(0, 3) };
    assert_eq!(
        refusal_of_requantizer(wide, &[]),
        "population 'dense' has 3 offsets of 16 bytes, expected 1, 2, 4 or 8"
    );
    let float32 = Requantizer::Float32 { mantissa: words(0, 1), shift: words(0, 3), zero: 0 };
    assert_eq!(refusal_of_requantizer(float32, &[]), "population 'dense' has 1 mantissas and 3 shifts");
    let fixed = |offset, shift| Requantizer::Fixed { multiplier: words(0, 3), offset, shift };
    assert_eq!(
        refusal_of_requantizer(fixed(words(0, 1), words(0, 3)), &[]),
        "population 'dense' has 3 multipliers and 1 offsets"
    );
    assert_eq!(
        refusal_of_requantizer(fixed(words(0, 3), words(0, 1)), &[]),
        "population 'dense' has 3 multipliers and 1 shifts"
    );
}

#[test]
fn constants_whose_products_could_overflow() {
    let float32 = |zero| Requantizer::Float32 { mantissa: words(0, 1), shift: words(4, 1), zero };
    assert_eq!(
        refusal_of_requantizer(float32(0), &[(1 << 23) - 1, 0]),
        "population 'dense' has mantissa 8388607, expected 8388608 to 16777216"
    );
    assert_eq!(
        refusal_of_requantizer(float32(0), &[0, 257]),
        "population 'dense' has shift 257, expected -8 to 256"
    );
    assert_eq!(
        refusal_of_requantizer(float32(i32::MAX), &[0, 0]),
        "population 'dense' has zero 2147483647, expected -65536 to 65536"
    );
    let offset = Numbers { bytes: 8, ..words(8, 1) };
    let fixed = Requantizer::Fixed { multiplier: words(0, 1), offset, shift: words(4, 1) };
    let refused =
        |multiplier, shift, high| refusal_of_requantizer(fixed.clone(), &[multiplier, shift, 0, high]);
    assert_eq!(
        refused(i32::MIN, 0, 0),
        "population 'dense' has multiplier -2147483648, expected -1073741824 to 1073741824"
    );
    assert_eq!(refused(0, 63, 0), "population 'dense' has shift 63, expected 0 to 62");
    assert_eq!(
        refused(0, 0, i32::MAX),
        "population 'dense' has offset 9223372032559808512, expected -4611686018427387904 to 4611686018427387904"
    );
    let add =
        |base, scale| Requantizer::Float32Add { bases: [0, base], scales: [0, scale], offset: 0, zero: 0 };
    assert_eq!(
        refusal_of_requantizer(add(513, 0), &[]),
        "population 'dense' has base 513, expected -512 to 512"
    );
    assert_eq!(
        refusal_of_requantizer(add(0, f32::NAN.to_bits()), &[]),
        "population 'dense' has a scale or an offset that is not finite"
    );
}

#[test]
fn tables_that_are_not_whole() {
    let table = |entries, tables| Requantizer::Table { entries, tables, first: 0 };
    assert_eq!(
        refusal_of_requantizer(table(words(0, 4), 2), &[]),
        "population 'dense' has 2 tables, expected 1 or 3"
    );
    assert_eq!(
        refusal_of_requantizer(table(words(0, 4), 3), &[]),
        "population 'dense' has 4 entries in 3 tables"
    );
    assert_eq!(
        refusal_of_requantizer(table(words(0, 0), 1), &[]),
        "population 'dense' has 0 entries in 1 tables"
    );
    let bytes = network().describe().1.len();
    assert_eq!(
        refusal_of_requantizer(table(words(u64::MAX, u64::MAX), 1), &[]),
        format!(
            "population 'dense' has 18446744073709551615 entries at byte 18446744073709551615 of {bytes}"
        )
    );
}
