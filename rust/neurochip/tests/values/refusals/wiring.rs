//! Refusals of projections, windows, schedules and tiles.

use neurochip::image::description::{Connector, Integration, Model, Numbers, Population, Tile, Window};

use super::{WINDOW, network, refusal, refusal_of};
use crate::network::{SECOND_STATE_WORD, binary, tiny};

/// What is said after an edit of the connector of a projection.
fn refusal_of_connector(number: usize, connector: Connector) -> String {
    refusal(|image, _| image.projections[number].connector = connector)
}

/// The same, with another window of the convolution.
fn refusal_of_window(edit: impl FnOnce(&mut Window)) -> String {
    let mut window = WINDOW;
    edit(&mut window);
    refusal_of_connector(0, Connector::Convolution { window, groups: 2 })
}

/// The same, after an edit of a tile.
fn refusal_of_tile(number: usize, edit: impl FnOnce(&mut Tile)) -> String {
    refusal(|image, _| edit(&mut image.tiles[number]))
}

#[test]
fn projections_that_go_backwards_or_come_from_nobody() {
    let ends = |source, target| {
        refusal(|image, _| {
            (image.projections[0].source, image.projections[0].target) = (source, target);
        })
    };
    let expected = "expected ascending and below 5";
    assert_eq!(ends(1, 1), format!("projection 0 goes from population 1 to 1, {expected}"));
    assert_eq!(ends(0, 5), format!("projection 0 goes from population 0 to 5, {expected}"));
    assert_eq!(
        refusal(|image, _| image.projections[1].weight_bits = 4),
        "projection 1 stores weights of 4 bits, expected 8 or 16"
    );
    let from_the_read = refusal(|image, _| {
        image.populations.push(Population { name: "after".into(), ..image.populations[1].clone() });
        (image.projections[0].source, image.projections[0].target) = (4, 5);
    });
    assert_eq!(from_the_read, "projection 0 comes from 'read', which sends nothing");
}

#[test]
fn connectors_that_do_not_fit_their_populations() {
    for groups in [0, 3, u32::MAX] {
        assert_eq!(
            refusal_of_connector(0, Connector::Convolution { window: WINDOW, groups }),
            format!("projection 0 has {groups} groups of 2 and 4 channels")
        );
    }
    for connector in [Connector::Depthwise { window: WINDOW }, Connector::Pool { window: WINDOW }] {
        assert_eq!(
            refusal_of_connector(0, connector),
            "projection 0 goes from 2 to 4 channels, expected as many"
        );
    }
    assert_eq!(
        refusal_of_connector(0, Connector::OneToOne { index: None }),
        "projection 0 is one-to-one from shape [1, 2, 2] to [1, 2, 4] without an index"
    );
    let window = Window { kernel: [4, 4], ..WINDOW };
    assert_eq!(
        refusal_of_connector(1, Connector::Pool { window }),
        "projection 1 takes the maximum of 16 inputs, expected up to 15"
    );
}

#[test]
fn an_index_that_is_not_whole_or_names_nobody() {
    let index = |offset, count| Connector::OneToOne { index: Some(Numbers { offset, count, bytes: 4 }) };
    assert_eq!(refusal_of_connector(3, index(0, 2)), "projection 3 has an index of 2 entries, expected 3");
    let bytes = network().describe().1.len();
    assert_eq!(
        refusal_of_connector(3, index(1 << 40, 3)),
        format!("projection 3 has an index of 3 entries at byte 1099511627776 of {bytes}")
    );
    for entry in [-2, 4] {
        let refused = refusal(|image, blob| {
            blob[..12].fill(0);
            blob[4..8].copy_from_slice(&i32::to_le_bytes(entry));
            image.projections[3].connector = index(0, 3);
        });
        assert_eq!(refused, format!("projection 3 has an index entry of {entry}, expected -1 to 3"));
    }
}

#[test]
fn a_window_that_is_empty_or_endless() {
    let limit = "1048576";
    assert_eq!(
        refusal_of_window(|window| window.kernel[0] = 0),
        format!("projection 0 has a kernel of [0, 2], expected 1 to {limit}")
    );
    assert_eq!(
        refusal_of_window(|window| window.stride[1] = 0),
        format!("projection 0 has a stride of [1, 0], expected 1 to {limit}")
    );
    assert_eq!(
        refusal_of_window(|window| window.pad[1] = u32::MAX),
        format!("projection 0 has a pad of [0, 4294967295], expected 0 to {limit}")
    );
    assert_eq!(
        refusal_of_window(|window| window.dilation[0] = 0),
        format!("projection 0 has a dilation of [0, 1], expected 1 to {limit}")
    );
    assert_eq!(
        refusal_of_window(|window| (window.kernel[0], window.dilation[0]) = (1 << 20, 1 << 20)),
        format!(
            "projection 0 has a kernel that reaches over [1099511627776, 2] positions, expected up to {limit}"
        )
    );
}

#[test]
fn a_maximum_that_does_not_stream() {
    let expected = "max pool 'pool' does not send what 'conv' sends, one timestep later";
    assert_eq!(refusal_of(2, |population| population.send_start = 6), expected);
    assert_eq!(refusal_of(2, |population| population.code = binary(3, false)), expected);
    assert_eq!(refusal_of(2, |population| population.code = binary(4, true)), expected);
    let depthwise = Connector::Depthwise { window: WINDOW };
    assert_eq!(refusal_of_connector(1, depthwise), "max pool 'pool' is not the target of one pool alone");
    assert_eq!(
        refusal_of(4, |population| (population.model, population.code) = (Model::MaxPool, binary(1, false))),
        "max pool 'read' is not the target of one pool alone"
    );
}

#[test]
fn a_population_that_sends_too_early_or_hears_two_codes_at_once() {
    assert_eq!(
        refusal(|image, _| {
            image.projections.pop();
        }),
        "population 'read' has no source"
    );
    assert_eq!(
        refusal_of(3, |population| population.send_start = 8),
        "population 'dense' sends from timestep 8 on, 'pool' until 9"
    );
    let refused = refusal(|image, _| {
        image.projections[3].source = 1;
        image.projections[3].connector = Connector::Convolution { window: WINDOW, groups: 1 };
    });
    assert_eq!(refused, "population 'dense' receives 'pool' and 'conv' in one timestep, in different codes");
}

/// The same, after an edit of how `dense` integrates, with words at the start of the binary part.
fn refusal_of_scaled(count: u64, rows: u64, words: &[i32]) -> String {
    refusal(|image, blob| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        blob[..bytes.len()].copy_from_slice(&bytes);
        let Model::Stem(stem) = &mut image.populations[3].model else { panic!("not a STEM population") };
        let coefficients = Numbers { offset: 0, count, bytes: 4 };
        let shift = Numbers { offset: 4 * count, count: rows, bytes: 4 };
        stem.integration = Integration::Scaled { coefficients, shift };
    })
}

#[test]
fn scaled_integration_without_a_coefficient_for_each_timestep() {
    assert_eq!(
        refusal_of_scaled(3, 1, &[1, 1, 1, 0]),
        "population 'dense' has 3 coefficients in 1 rows for 4 timesteps"
    );
    assert_eq!(
        refusal_of_scaled(4, 3, &[]),
        "population 'dense' has 4 coefficients in 3 rows for 4 timesteps"
    );
    assert_eq!(
        refusal_of_scaled(8, 2, &[]),
        "population 'dense' has 2 rows of coefficients, expected 1 or 3"
    );
    assert_eq!(
        refusal_of_scaled(4, 0, &[]),
        "population 'dense' has 0 rows of coefficients, expected 1 or 3"
    );
}

#[test]
fn scaled_integration_with_coefficients_that_are_too_large_or_not_there() {
    assert_eq!(
        refusal_of_scaled(4, 1, &[1, 1, 1, -1, 0]),
        "population 'dense' has coefficient -1, expected 0 to 1073741824"
    );
    assert_eq!(
        refusal_of_scaled(4, 1, &[1, 1, 1, 1, 31]),
        "population 'dense' has coefficients of 31 binary places, expected 0 to 30"
    );
    let bytes = network().describe().1.len();
    let count = u64::MAX / 8;
    assert_eq!(
        refusal_of_scaled(count, 1, &[]),
        format!("population 'dense' has {count} coefficients at byte 0 of {bytes}")
    );
    let count = bytes as u64 / 4;
    assert_eq!(
        refusal_of_scaled(count, 1, &[]),
        format!("population 'dense' has 1 coefficient shifts at byte {} of {bytes}", 4 * count)
    );
}

#[test]
fn membranes_of_two_words_that_the_chip_does_not_have() {
    let double = |fields: &[(&str, &str)]| {
        refusal(|image, _| {
            image.chip = tiny(fields);
            let Model::Stem(stem) = &mut image.populations[1].model else { panic!("not a STEM population") };
            stem.integration = Integration::Double;
        })
    };
    assert_eq!(
        double(&[("core.membrane_bits", "16")]),
        "population 'conv' has membranes of two words, the chip's neurons have one"
    );
    assert_eq!(
        double(&[("core.second_state_word", SECOND_STATE_WORD)]),
        "population 'conv' has membranes of two words of 32 bits, expected 16"
    );
}

#[test]
fn a_tile_of_neurons_that_are_not_there_or_not_on_cores() {
    assert_eq!(refusal_of_tile(0, |tile| tile.population = 5), "tile 0 holds population 5, there are 5");
    assert_eq!(
        refusal_of_tile(0, |tile| tile.columns = [1, 3]),
        "tile 0 holds [[0, 1], [1, 3], [0, 4]] of population 'conv', which has shape [1, 2, 4]"
    );
    assert_eq!(
        refusal_of_tile(0, |tile| tile.columns = [1, 1]),
        "tile 0 holds [[0, 1], [1, 1], [0, 4]] of population 'conv', which has shape [1, 2, 4]"
    );
    assert_eq!(
        refusal_of_tile(0, |tile| (tile.population, tile.channels) = (0, [0, 2])),
        "tile 0 holds neurons of 'input', which is the input"
    );
}

#[test]
fn a_tile_on_a_core_that_is_not_free() {
    assert_eq!(refusal_of_tile(0, |tile| tile.core = 64), "tile 0 is on core 64, the chip has 64");
    assert_eq!(refusal_of_tile(1, |tile| tile.core = 1), "tile 1 is on core 1, which holds another");
    assert_eq!(
        refusal(|image, _| image.chip.mesh.reserved = vec![[1, 0]]),
        "tile 0 is on core 1, which is reserved"
    );
    assert_eq!(refusal(|image, _| image.chip.core.max_neurons = 7), "tile 0 has 8 neurons, a core holds 7");
}

#[test]
fn blocks_that_are_not_those_of_the_projections() {
    let bytes = network().describe().1.len();
    assert_eq!(refusal_of_tile(2, |tile| tile.blocks.truncate(1)), "tile 2 has 1 blocks for 2 projections");
    assert_eq!(
        refusal_of_tile(2, |tile| tile.blocks[0].count = 13),
        "tile 2 has a block of 13 weights, expected 12"
    );
    assert_eq!(
        refusal_of_tile(2, |tile| tile.blocks[0].offset = u64::MAX),
        format!("tile 2 has a block of 12 weights at byte 18446744073709551615 of {bytes}")
    );
    assert_eq!(
        refusal_of_window(|window| window.kernel = [1 << 20, 1 << 20]),
        "tile 0 has a block of 8 weights, expected 4398046511104"
    );
}

#[test]
fn a_maximum_whose_weights_do_not_tell_its_inputs_apart() {
    let refused = refusal(|image, blob| blob[image.tiles[1].blocks[0].offset as usize] = 3);
    assert_eq!(refused, "tile 1 has weights [3, 2], expected [1, 2]: a bit for each input");
}

#[test]
fn weights_whose_sum_may_leave_32_bits() {
    let refused = |sources: u32| {
        let mut network = network();
        network.populations[0].shape = [1, 1, sources];
        network.wires[3].index = Some(vec![0; 3]);
        let zeros = network.add_i32(&[0; 3]);
        network.wires[3].projection.connector = Connector::OneToOne { index: Some(zeros) };
        network.wires[0].projection.connector = Connector::Dense;
        network.wires[0].weights = vec![-32_768; 4 * sources as usize];
        network.wires[0].projection.weight_bits = 16;
        network.populations[1].shape = [1, 1, 4];
        (network.tiles[0].columns, network.wires[1].weights) = ([0, 1], vec![1, 2]);
        let (description, blob) = network.describe();
        neurochip::image::Image::new(&serde_json::to_string(&description).unwrap(), blob)
    };
    assert!(refused(65_535).is_ok());
    assert_eq!(
        refused(65_536).unwrap_err().to_string(),
        "image description: tile 0 has weight sums of up to 2147483648, expected up to 2147483647"
    );
}

#[test]
fn neurons_on_no_tile_or_on_two() {
    assert_eq!(
        refusal(|image, _| {
            image.tiles.pop();
        }),
        "tiles hold 0 of the 3 neurons of population 'read'"
    );
    let twice = refusal(|image, _| {
        let half = |core, columns| Tile { core, columns, ..image.tiles[0].clone() };
        let halves = [half(40, [0, 1]), half(41, [0, 1])];
        image.tiles.splice(0..1, halves);
    });
    assert_eq!(twice, "population 'conv' has a neuron on two tiles");
}
