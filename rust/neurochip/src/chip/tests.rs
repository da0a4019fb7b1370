use super::*;

fn tiny() -> &'static str {
    BUILT_IN.iter().find(|(name, _)| *name == "tiny").unwrap().1
}

fn set(field: &str, value: &str) -> Result<ChipSpec, Error> {
    ChipSpec::from_toml_with(tiny(), &[(field.to_owned(), value.to_owned())])
}

fn message(result: Result<ChipSpec, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn every_built_in_chip_loads_under_the_name_of_its_file() {
    for (name, text) in BUILT_IN {
        assert_eq!(ChipSpec::from_toml(text).unwrap().name, *name);
    }
    let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    assert!(["darwin3", "ideal", "tiny"].iter().all(|name| names.contains(name)), "{names:?}");
}

#[test]
fn numbers_that_no_chip_has_or_that_sums_could_not_hold_are_refused() {
    let refused = |field, value, expected: &str| assert_eq!(message(set(field, value)), expected);
    refused("process.clock_mhz", "5e8", "`process.clock_mhz` is 500000000, expected 0.001 to 100000");
    refused(
        "sync.tick_cycles",
        "4611686018427387904",
        "`sync.tick_cycles` is 4611686018427387904, expected 0 to 1099511627776",
    );
    refused("sync.tick_us", "1e9", "`sync.tick_us` is 1000000000, expected 0 to 10000000");
    refused(
        "sync.barrier_cycles",
        "4294967296",
        "`sync.barrier_cycles` is 4294967296, expected 0 to 4294967295",
    );
    refused("energy.sop_pj", "1e308", "`energy.sop_pj` is 1e308, expected 0 to 1000000000000");
    refused("energy.static_mw", "1e10", "`energy.static_mw` is 10000000000, expected 0 to 1000000000");
    refused("core.max_neurons", "16777217", "`core.max_neurons` is 16777217, expected 1 to 16777216");
    refused("process.vdd_v", "-1", "`process.vdd_v` is -1, expected 0 to 100");
}

#[test]
fn a_tick_is_set_in_one_of_two_ways() {
    let spec = set("sync.tick_cycles", "100").unwrap();
    assert_eq!((spec.sync.tick_us, spec.tick_cycles()), (None, 100));
    let both = [("sync.tick_cycles", "100"), ("sync.tick_us", "2.5")];
    let both = both.map(|(field, value)| (field.to_owned(), value.to_owned()));
    let spec = ChipSpec::from_toml_with(tiny(), &both).unwrap();
    assert_eq!((spec.sync.tick_cycles, spec.tick_cycles()), (None, 250), "the last one counts");
    let text = tiny().replace("tick_us = 0.0", "tick_us = 0.0\ntick_cycles = 0");
    assert_eq!(
        message(ChipSpec::from_toml(&text)),
        "`sync.tick_cycles` is 0, expected nothing, as sync.tick_us has a value"
    );
    let text = tiny().replace("tick_us = 0.0\n", "");
    assert_eq!(
        message(ChipSpec::from_toml(&text)),
        "`sync.tick_us` is absent, expected a value, or one for sync.tick_cycles"
    );
}

#[test]
fn ports_move_with_the_mesh_or_stay_where_they_are_put() {
    let positions = |spec: &ChipSpec| spec.ports().iter().map(|port| [port.x, port.y]).collect::<Vec<_>>();
    assert_eq!(positions(&set("mesh.width", "8").unwrap()), [[0, 0], [7, 3]]);
    let both = [("io.1.x", "3"), ("io.1.y", "2")].map(|(field, value)| (field.to_owned(), value.to_owned()));
    assert_eq!(positions(&ChipSpec::from_toml_with(tiny(), &both).unwrap()), [[0, 0], [3, 2]]);
    let expected = "`io[1]` is placed twice or nowhere, expected `x` and `y`, or `at` instead of them";
    assert_eq!(message(set("io.1.x", "3")), expected);
    assert_eq!(message(set("io.1.side", "local")), "`io[1].side` is local, expected +x, -x, +y or -y");
}

#[test]
fn an_impossible_value_is_named_with_its_range() {
    let error =
        message(ChipSpec::from_toml(&tiny().replace("weight_bits = [4, 8]", "weight_bits = [8, 40]")));
    assert!(error.starts_with("`core.weight_bits` is 40, expected 1 to 16"), "{error}");
}

#[test]
fn all_impossible_values_are_named_at_once() {
    let text = tiny().replace("hop_cycles = 2", "hop_cycles = 0").replace("buffers = 2", "buffers = 3");
    let expected = "`core.buffers` is 3, expected 1 to 2\n`noc.hop_cycles` is 0, expected 1 to 65536";
    assert_eq!(message(ChipSpec::from_toml(&text)), expected);
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    let refused = |field, value, expected: &str| assert_eq!(message(set(field, value)), expected);
    refused("noc.packet_flits", "5", "`noc.receive_flits` is 4, expected 5 to 65536");
    refused(
        "noc.arbitration_order",
        r#"["+x", "+x", "+y", "-y", "local"]"#,
        "`noc.arbitration_order` is +x +x +y -y local, expected +x, -x, +y, -y and local, each once",
    );
    refused(
        "io",
        "[{x = 0, y = 0, side = \"+x\", io_cycles = 1}]",
        "`io[0].side` is +x, expected a side of [0, 0] that faces outward",
    );
    refused("mesh.reserved", "[[4, 0]]", "`mesh.reserved[0]` is [4, 0], expected a node of the mesh");
    refused(
        "core.soma.requantizer",
        "float32",
        "`core.soma.multiplier_bits` is 24, expected nothing, as the requantizer is float32",
    );
    let word = |multiplier| {
        let cycles = "{accumulate = 3, requantize = 7, generate = 2}";
        format!("{{dendrite_words_per_neuron = 0, {multiplier}soma_cycles = {cycles}}}")
    };
    for (multiplier, expected) in [
        ("", "absent, expected 2 to 30, as the requantizer is fixed"),
        ("multiplier_bits = 31, ", "31, expected 2 to 30"),
    ] {
        let expected = format!("`core.second_state_word.multiplier_bits` is {expected}");
        assert_eq!(message(set("core.second_state_word", &word(multiplier))), expected);
    }
}

#[test]
fn a_synapse_has_a_rate_or_a_duration_and_a_cycle_a_clock_or_a_time_base() {
    let refused = |field, value, expected: &str| assert_eq!(message(set(field, value)), expected);
    refused(
        "core.timing.sop_millicycles",
        "3500",
        "`core.timing.sop_millicycles` is 3500, expected nothing, as core.timing.sops_per_cycle has a value",
    );
    refused(
        "core.timing.sops_per_cycle",
        "none",
        "`core.timing.sops_per_cycle` is absent, expected a value, or one for core.timing.sop_millicycles",
    );
    refused(
        "process.time_base_ns",
        "1",
        "`process.time_base_ns` is 1, expected nothing, as process.clock_mhz has a value",
    );
    let timing = |fields: [(&str, &str); 2]| {
        let overrides = fields.map(|(field, value)| (format!("core.timing.{field}"), value.to_owned()));
        ChipSpec::from_toml_with(tiny(), &overrides).unwrap().core.timing
    };
    let slow = timing([("sops_per_cycle", "none"), ("sop_millicycles", "3500")]);
    assert_eq!([0, 1, 2, 3].map(|synapses| slow.adding_cycles(synapses)), [0, 4, 7, 11]);
    assert_eq!(slow.adding_cycles(u32::MAX), 15_032_385_533, "more than 32 bits");
}

#[test]
fn a_table_of_barriers_that_falls_or_goes_back_is_refused() {
    let field = "sync.barrier_cycles_by_nodes";
    assert_eq!(set(field, "[[1, 600], [2, 1000]]").unwrap().sync.barrier(2), 10 + 1000);
    for table in ["[[2, 5], [2, 6]]", "[[2, 5], [1, 6]]", "[[1, 5], [2, 4]]"] {
        let expected = format!("`{field}` is {table}, expected ascending nodes, and cycles that do not fall");
        assert_eq!(message(set(field, table)), expected);
    }
    assert_eq!(message(set(field, "[[0, 5]]")), format!("`{field}` is 0, expected 1 or more"));
    let error = message(set(field, "[[1, 4294967296]]"));
    assert_eq!(error, format!("`{field}` is 4294967296, expected 4294967295 or less"));
}

#[test]
fn a_board_that_is_too_large_or_whose_links_make_no_sense_is_refused() {
    let refused = |field, value, expected: &str| assert_eq!(message(set(field, value)), expected);
    refused("board.chips_y", "0", "`board.chips_y` is 0, expected 1 or more");
    refused(
        "board.chips_x",
        "65537",
        "`board.chips_x * board.chips_y * mesh.width * mesh.height` is 1048592, expected 1048576 nodes or fewer",
    );
    refused("board.max_chip_hops", "0", "`board.max_chip_hops` is 0, expected 1 or more");
    refused("board.link_cycles", "0", "`board.link_cycles` is 0, expected 1 to 65536");
    refused("board.link_flit_cycles", "9", "`board.link_flit_cycles` is 9, expected 1 to 8");
    refused("energy.link_flit_pj", "-1", "`energy.link_flit_pj` is -1, expected 0 to 1000000000000");
    assert_eq!(set("board.chips_x", "65536").unwrap().num_nodes(), 1 << 20);
}

#[test]
fn a_price_that_contains_all_others_refuses_them() {
    let prices = ["soma_update_pj", "packet_pj", "flit_hop_pj", "link_flit_pj", "io_flit_pj", "static_mw"];
    let overrides: Vec<_> = prices
        .map(|price| (format!("energy.{price}"), "0".to_owned()))
        .into_iter()
        .chain([("energy.scope".to_owned(), "all_in".to_owned())])
        .collect();
    assert!(ChipSpec::from_toml_with(tiny(), &overrides).is_ok());
    let error = message(ChipSpec::from_toml_with(tiny(), &overrides[1..]));
    assert_eq!(error, "`energy.soma_update_pj` is 10, expected 0, as energy.scope is all_in");
    for price in ["spike_pj", "node_packet_pj", "flit_hop_y_pj", "static_mw"] {
        let set = (format!("energy.{price}"), "3".to_owned());
        let error = message(ChipSpec::from_toml_with(tiny(), &[&overrides[..], &[set]].concat()));
        assert_eq!(error, format!("`energy.{price}` is 3, expected 0, as energy.scope is all_in"));
    }
}

#[test]
fn a_value_without_provenance_is_refused_and_all_of_them_are_listed() {
    let text = tiny().replace("\"*\" = ", "\"core\" = ").replace("[[io]]", "[[io]] # ports");
    let error = message(ChipSpec::from_toml(&text));
    assert!(
        error.starts_with("no provenance for `board.link_cycles`, `board.link_flit_cycles`, "),
        "{error}"
    );
    assert!(error.contains("`energy.flit_hop_pj`, `energy.io_flit_pj`, "), "{error}");
    assert!(!error.contains("`board.chips_x`"), "chosen, not known: {error}");
    assert!(error.contains("`io.io_cycles`"), "{error}");
    assert!(!error.contains("`core."), "{error}");
}

#[test]
fn provenance_of_no_field_or_no_grade_is_refused() {
    let misspelt = format!("{}\"noc.hops\" = \"Q: Table 6\"\n", tiny());
    assert_eq!(message(ChipSpec::from_toml(&misspelt)), "provenance names no field of a chip: `noc.hops`");
    let ungraded = format!("{}\"noc.hop_cycles\" = \"somewhere\"\n", tiny());
    let error = message(ChipSpec::from_toml(&ungraded));
    assert!(
        error.starts_with("`provenance.\"noc.hop_cycles\"` is \"somewhere\", expected `assumed: `"),
        "{error}"
    );
}

#[test]
fn the_nearest_provenance_wins() {
    let text = format!("{}\"noc\" = \"S: a talk\"\n\"noc.hop_cycles\" = \"Q: Table 6\"\n", tiny());
    let spec = ChipSpec::from_toml(&text).unwrap();
    assert_eq!(spec.provenance("noc.hop_cycles").as_deref(), Some("Q: Table 6"));
    assert_eq!(spec.provenance("noc.queue_flits").as_deref(), Some("S: a talk"));
    assert_eq!(spec.provenance("core.timing.decode_cycles").as_deref(), Some("assumed: made up, for tests"));
    assert_eq!(spec.assumed(), [("*", "made up, for tests".to_owned())]);
}

#[test]
fn a_field_is_set_for_one_run_and_says_so() {
    let spec = set("noc.hop_cycles", "3").unwrap();
    assert_eq!(spec.noc.hop_cycles, 3);
    assert_eq!(spec.provenance("noc.hop_cycles").as_deref(), Some("set for this run"));
    assert_eq!(set("io.1.io_cycles", "9").unwrap().io[1].io_cycles, 9);
    assert_eq!(set("mesh.max_hops_x", "2").unwrap().mesh.max_hops_x, Some(2));
    assert!(set("io", "[]").unwrap().io.is_empty());
    let unlimited = [("mesh.max_hops_x", "2"), ("mesh.max_hops_x", "none")];
    let unlimited = unlimited.map(|(field, value)| (field.to_owned(), value.to_owned()));
    assert_eq!(ChipSpec::from_toml_with(tiny(), &unlimited).unwrap().mesh.max_hops_x, None);
    assert_eq!(set("core.overflow", "wrap").unwrap().core.overflow, Overflow::Wrap);
    assert_eq!(set("core.overflow", "\"wrap\"").unwrap().core.overflow, Overflow::Wrap);
}

#[test]
fn a_field_that_cannot_be_set_is_named_with_what_is_accepted() {
    let refused = |field, value, expected: &str| assert_eq!(message(set(field, value)), expected);
    refused(
        "core.soma.latency",
        "3",
        "cannot set `core.soma.latency`: `soma` has no `latency`, expected one of `bias_bits`, \
         `multiplier_bits`, `requantizer`, `table`",
    );
    refused("io.2.x", "3", "cannot set `io.2.x`: `io` has no `2`, expected an index below 2");
    refused(
        "noc.hop_cycles.x",
        "3",
        "cannot set `noc.hop_cycles.x`: `hop_cycles` has no `x`, expected no more, as it is a value",
    );
    refused(
        "noc.hop_cycles",
        "\"3\"",
        "cannot set `noc.hop_cycles`: invalid type: string \"3\", expected a whole number, 0 or more",
    );
    refused("noc.hop_cycles", "0", "`noc.hop_cycles` is 0, expected 1 to 65536");
    let error = message(set("noc.hop_cycles", "[3"));
    assert!(error.starts_with("cannot set `noc.hop_cycles`: `[3` is not a TOML value: "), "{error}");
}

#[test]
fn a_chip_survives_the_way_through_an_image() {
    for (_, text) in BUILT_IN {
        let spec = ChipSpec::from_toml(text).unwrap();
        let json = serde_json::to_string(&spec).unwrap();
        let again = ChipSpec::from_json(&json).unwrap();
        assert_eq!(again, spec);
        assert_eq!(again.fingerprint(), spec.fingerprint());
    }
}

#[test]
fn hops_limit_packets_within_a_chip_and_chips_those_between_chips() {
    let fields = [("mesh.max_hops_x", "2"), ("board.chips_x", "4"), ("board.max_chip_hops", "2")];
    let overrides = fields.map(|(field, value)| (field.to_owned(), value.to_owned()));
    let spec = ChipSpec::from_toml_with(tiny(), &overrides).unwrap();
    assert!(spec.can_address([0, 0], [2, 3]), "no limit along y");
    assert!(!spec.can_address([0, 0], [3, 0]));
    assert!(spec.can_address([0, 0], [11, 3]), "two chips on");
    assert!(!spec.can_address([0, 0], [12, 0]), "three chips on");
}

#[test]
fn a_fingerprint_follows_every_value_and_no_provenance() {
    let spec = ChipSpec::from_toml(tiny()).unwrap();
    assert_eq!(spec.fingerprint().len(), 64);
    assert_ne!(set("noc.hop_cycles", "3").unwrap().fingerprint(), spec.fingerprint());
    assert_eq!(set("noc.hop_cycles", "2").unwrap().fingerprint(), spec.fingerprint());
}

#[test]
fn darwin3_has_575_cores_of_two_memory_sizes() {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == "darwin3").unwrap();
    let spec = ChipSpec::from_toml(text).unwrap();
    let cores: Vec<_> = (0..spec.num_nodes()).filter(|&node| !spec.is_reserved(node)).collect();
    assert_eq!(cores.len(), 575);
    let words: u64 = cores.iter().map(|&node| u64::from(spec.dendrite_words(node))).sum();
    assert_eq!(words * 6, 127_008_768); // 127.0 M weights of 8 bits, the published 0.1 B synapses
    assert!(spec.assumed().iter().any(|(field, _)| *field == "noc.hop_cycles"));
    assert!(spec.provenance("energy.sop_pj").unwrap().starts_with("Q: "));
}

fn loihi() -> &'static str {
    BUILT_IN.iter().find(|(name, _)| *name == "loihi").unwrap().1
}

fn set_on_loihi(fields: &[(&str, &str)]) -> Result<ChipSpec, Error> {
    let set = |&(field, value): &(&str, &str)| (field.to_owned(), value.to_owned());
    ChipSpec::from_toml_with(loihi(), &fields.iter().map(set).collect::<Vec<_>>())
}

#[test]
fn a_profile_changes_its_own_values_and_where_they_come_from() {
    let [davies, nahuku] = [set_on_loihi(&[]), set_on_loihi(&[("profile", "nahuku")])].map(Result::unwrap);
    assert_eq!([&davies, &nahuku].map(|spec| spec.profile.as_deref()), [Some("davies2018"), Some("nahuku")]);
    assert_eq!([&davies, &nahuku].map(|spec| spec.core.timing.sop_millicycles), [Some(3500), Some(3800)]);
    assert!(davies.provenance("energy.sop_pj").unwrap().starts_with("Q: 23.6 pJ"));
    assert!(nahuku.provenance("energy.sop_pj").unwrap().starts_with("C: 35.5 pJ"));
    assert_eq!(nahuku.provenance("noc.hop_cycles"), davies.provenance("noc.hop_cycles"), "the same");
    assert_ne!(nahuku.source, davies.source);
    assert_ne!(nahuku.fingerprint(), davies.fingerprint());
    let again = ChipSpec::from_json(&nahuku.to_json()).unwrap();
    assert_eq!(again, nahuku, "an image knows the profile that it was compiled for");
    assert_eq!(set_on_loihi(&[("profile", "davies2018")]).unwrap(), davies);
}

#[test]
fn what_is_set_for_a_run_wins_over_a_profile_wherever_it_stands() {
    let spec = set_on_loihi(&[("energy.sop_pj", "1"), ("profile", "nahuku")]).unwrap();
    assert_eq!(spec.energy.sop_pj.to_string(), "1");
    assert_eq!(spec.provenance("energy.sop_pj").as_deref(), Some("set for this run"));
    assert_eq!(spec.energy.packet_pj.to_string(), "111");
}

#[test]
fn a_profile_that_does_not_exist_or_does_not_cite_is_refused() {
    let expected =
        "cannot set `profile`: 'loihi' has no profile 'kapoho', expected one of `davies2018`, `nahuku`";
    assert_eq!(message(set_on_loihi(&[("profile", "kapoho")])), expected);
    let expected = "cannot set `profile`: 'tiny' has no profile 'nahuku', it has none";
    assert_eq!(message(set("profile", "nahuku")), expected);
    let nahuku = |text: &str| ChipSpec::from_toml_with(text, &[("profile".to_owned(), "nahuku".to_owned())]);
    let uncited = loihi()
        .replace("\"energy.packet_pj\" = \"C: 111 pJ a message out; a message in costs nothing\"\n", "");
    assert_eq!(message(nahuku(&uncited)), "no provenance for `energy.packet_pj`");
    let misspelt = loihi().replace("\"noc.inject_cycles\" = 5", "\"noc.injects\" = 5");
    let error = message(nahuku(&misspelt));
    assert!(error.starts_with("cannot set `profile`: `noc` has no `injects`, expected one of "), "{error}");
}

#[test]
fn a_soma_that_scales_nothing_computes_no_stem() {
    assert_eq!(
        message(set_on_loihi(&[("codes", "none")])),
        "`codes` is absent, expected a table, as the requantizer is none"
    );
    let both = message(set_on_loihi(&[("codes.accepted", "[\"quartz\", \"stem\"]")]));
    let expected = "`codes.accepted` is quartz stem, expected none of those in codes.refused\n\
                    `codes.accepted` is quartz stem, expected no stem, as the requantizer is none";
    assert_eq!(both, expected);
    assert_eq!(
        message(set_on_loihi(&[("core.soma.multiplier_bits", "8")])),
        "`core.soma.multiplier_bits` is 8, expected nothing, as the requantizer is none"
    );
}

#[test]
fn loihi_has_128_cores_at_32_routers() {
    let spec = ChipSpec::from_toml(loihi()).unwrap();
    assert_eq!((spec.num_nodes(), spec.num_cores()), (32, 128));
    let grid = spec.grid();
    assert_eq!([0, 3, 4, 127].map(|core| grid.node_of(core)), [0, 0, 1, 31]);
    assert_eq!(grid.first_core(31), 124);
    let reserved = set_on_loihi(&[("mesh.reserved", "[[1, 0]]")]).unwrap();
    assert_eq!([3, 4, 7, 8].map(|core| reserved.is_reserved(core)), [false, true, true, false]);
    assert_eq!(
        message(set_on_loihi(&[("mesh.cores_per_node", "65")])),
        "`mesh.cores_per_node` is 65, expected 1 to 64"
    );
}
