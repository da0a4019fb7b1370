//! The ranges of a chip's fields: what the schema admits and no hardware can have.

use std::fmt::Display;

use super::{ChipSpec, EnergyScope, Error, OutOfRange, Port, Requantizer, SomaCycles, StemCycles};

/// Largest mesh of a board: nodes are counted in `u32` and every router is simulated.
const MAX_NODES: u64 = 1 << 20;

/// Most cores at a router: who of them asks for its port is a word of bits.
const MAX_CORES_PER_NODE: u32 = 64;

/// Longest latency, cycles: far beyond any chip, and short enough for a calendar of messages.
const MAX_LATENCY: u32 = 1 << 16;

/// Longest barrier of a table, cycles: interpolating it takes a product of two such numbers.
const MAX_BARRIER: u64 = u32::MAX as u64;

/// Longest tick, cycles, and longest of those given as a time, us: a second and more of any clock, so that
/// the cycles of a million timesteps of a million samples stay within 64 bits.
const MAX_TICK_CYCLES: u64 = 1 << 40;
const MAX_TICK_US: f64 = 1e7;

/// Clock frequencies of electronics, MHz, and what stands for a cycle where there is no clock, ns.
const CLOCK_MHZ: (f64, f64) = (1e-3, 1e5);
const TIME_BASE_NS: (f64, f64) = (1e-3, 1e6);

/// Largest energy per event, pJ, power of an idle chip, mW, and time of a host, us: a joule, a megawatt and
/// a quarter of an hour. Sums over every event of a run stay finite.
const MAX_PRICE: f64 = 1e12;
const MAX_STATIC_MW: f64 = 1e9;
const MAX_HOST_US: f64 = 1e9;

/// Highest supply voltage, V, and largest feature size, nm.
const MAX_VDD_V: f64 = 100.0;
const MAX_NM: u32 = 100_000;

/// Most of what a core holds: its neurons, words, entries. Cycles of a timestep then fit 64 bits.
const MAX_HELD: u32 = 1 << 24;

/// The spike code whose neurons scale their membranes.
const STEM: &str = "stem";

/// Collects every value out of its range.
#[derive(Default)]
struct Ranges(Vec<OutOfRange>);

impl Ranges {
    fn require(&mut self, holds: bool, field: &str, value: impl Display, expected: impl Display) {
        if !holds {
            let (field, value, expected) = (field.to_owned(), value.to_string(), expected.to_string());
            self.0.push(OutOfRange { field, value, expected });
        }
    }

    fn within(&mut self, field: &str, value: u32, low: u32, high: u32) {
        self.require((low..=high).contains(&value), field, value, format_args!("{low} to {high}"));
    }

    fn at_least(&mut self, field: &str, value: u32, low: u32) {
        self.require(value >= low, field, value, format_args!("{low} or more"));
    }

    fn stem_cycles(&mut self, table: &str, cycles: &StemCycles) {
        for (phase, cycles) in [
            ("accumulate", cycles.accumulate),
            ("requantize", cycles.requantize),
            ("generate", cycles.generate),
        ] {
            self.within(&format!("{table}.{phase}"), cycles, 1, MAX_LATENCY);
        }
    }

    /// A requantizer in fixed point has a multiplier, of a width that 64-bit arithmetic has room for.
    fn multiplier_bits(&mut self, field: &str, requantizer: Requantizer, bits: Option<u32>) {
        match (requantizer, bits) {
            (Requantizer::Fixed, Some(bits)) => self.within(field, bits, 2, 30),
            (Requantizer::Fixed, None) => {
                self.require(false, field, "absent", "2 to 30, as the requantizer is fixed");
            }
            (Requantizer::Float32, Some(bits)) => {
                self.require(false, field, bits, "nothing, as the requantizer is float32");
            }
            (Requantizer::None, Some(bits)) => {
                self.require(false, field, bits, "nothing, as the requantizer is none");
            }
            (Requantizer::Float32 | Requantizer::None, None) => {}
        }
    }

    /// One of two fields that say the same has a value, and the other none.
    fn one_of<T: Display>(&mut self, [first, second]: [(&str, Option<T>); 2]) {
        match (&first.1, &second.1) {
            (None, None) => {
                self.require(false, first.0, "absent", format_args!("a value, or one for {}", second.0));
            }
            (Some(_), Some(value)) => {
                self.require(false, second.0, value, format_args!("nothing, as {} has a value", first.0));
            }
            _ => {}
        }
    }

    fn between(&mut self, field: &str, value: f64, low: f64, high: f64) {
        // A number of 300 digits helps nobody.
        let told = if value.abs() < 1e15 { value.to_string() } else { format!("{value:e}") };
        self.require((low..=high).contains(&value), field, told, format_args!("{low} to {high}"));
    }
}

impl ChipSpec {
    /// Refuses values that no hardware can have, all at once, and values without provenance.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut ranges = Ranges::default();
        self.check_mesh(&mut ranges);
        self.check_board(&mut ranges);
        self.check_core(&mut ranges);
        self.check_codes(&mut ranges);
        self.check_memories(&mut ranges);
        self.check_core_timing(&mut ranges);
        self.check_noc(&mut ranges);
        self.check_sync(&mut ranges);
        self.check_io(&mut ranges);
        self.check_prices(&mut ranges);
        if ranges.0.is_empty() { self.check_provenance() } else { Err(Error::OutOfRange(ranges.0)) }
    }

    fn check_mesh(&self, ranges: &mut Ranges) {
        let mesh = &self.mesh;
        ranges.at_least("mesh.width", mesh.width, 1);
        ranges.at_least("mesh.height", mesh.height, 1);
        let nodes = u64::from(mesh.width) * u64::from(mesh.height);
        let expected = format_args!("{MAX_NODES} nodes or fewer");
        ranges.require(nodes <= MAX_NODES, "mesh.width * mesh.height", nodes, expected);
        ranges.within("mesh.cores_per_node", mesh.cores_per_node.unwrap_or(1), 1, MAX_CORES_PER_NODE);
        for (index, &[x, y]) in mesh.reserved.iter().enumerate() {
            let inside = x < mesh.width && y < mesh.height;
            let field = format!("mesh.reserved[{index}]");
            ranges.require(inside, &field, format_args!("[{x}, {y}]"), "a node of the mesh");
        }
        for (field, hops) in [("mesh.max_hops_x", mesh.max_hops_x), ("mesh.max_hops_y", mesh.max_hops_y)] {
            ranges.at_least(field, hops.unwrap_or(1), 1);
        }
    }

    fn check_board(&self, ranges: &mut Ranges) {
        let (mesh, board) = (&self.mesh, &self.board);
        ranges.at_least("board.chips_x", board.chips_x, 1);
        ranges.at_least("board.chips_y", board.chips_y, 1);
        let chips = u64::from(board.chips_x).saturating_mul(board.chips_y.into());
        let nodes = chips.saturating_mul(u64::from(mesh.width) * u64::from(mesh.height));
        let field = "board.chips_x * board.chips_y * mesh.width * mesh.height";
        let expected = format_args!("{MAX_NODES} nodes or fewer");
        ranges.require(chips <= 1 || nodes <= MAX_NODES, field, nodes, expected);
        ranges.at_least("board.max_chip_hops", board.max_chip_hops.unwrap_or(1), 1);
        let (link, flit) = (board.link_cycles, board.link_flit_cycles);
        ranges.within("board.link_cycles", link.unwrap_or(1), 1, MAX_LATENCY);
        // A flit has arrived when all of it has been sent: so a quiet board has free links.
        let longest = link.filter(|&cycles| cycles > 0).unwrap_or(MAX_LATENCY);
        ranges.within("board.link_flit_cycles", flit.unwrap_or(1), 1, longest);
        for (field, is_absent) in [
            ("board.link_cycles", link.is_none()),
            ("board.link_flit_cycles", flit.is_none()),
            ("energy.link_flit_pj", self.energy.link_flit_pj.is_none()),
        ] {
            let expected = format_args!("a value, as the board has {chips} chips");
            ranges.require(chips <= 1 || !is_absent, field, "absent", expected);
        }
    }

    fn check_core(&self, ranges: &mut Ranges) {
        let core = &self.core;
        ranges.within("core.max_neurons", core.max_neurons, 1, MAX_HELD);
        ranges.require(!core.weight_bits.is_empty(), "core.weight_bits", "[]", "one width or more");
        for &bits in &core.weight_bits {
            ranges.within("core.weight_bits", bits, 1, 16);
        }
        let ascending = core.weight_bits.is_sorted_by(|narrow, wide| narrow < wide);
        ranges.require(
            ascending,
            "core.weight_bits",
            format_args!("{:?}", core.weight_bits),
            "ascending widths",
        );
        for (field, bits) in
            [("core.weight_sum_bits", core.weight_sum_bits), ("core.membrane_bits", core.membrane_bits)]
        {
            ranges.within(field, bits, 16, 32);
        }
        ranges.within("core.buffers", core.buffers, 1, 2);
        ranges.within("core.soma.bias_bits", core.soma.bias_bits, 1, 32);
        let requantizer = core.soma.requantizer;
        ranges.multiplier_bits("core.soma.multiplier_bits", requantizer, core.soma.multiplier_bits);
        if let Some(word) = &core.second_state_word {
            let field = "core.second_state_word.multiplier_bits";
            ranges.multiplier_bits(field, requantizer, word.multiplier_bits);
        }
    }

    fn check_codes(&self, ranges: &mut Ranges) {
        let Some(codes) = &self.codes else {
            let scales = self.core.soma.requantizer != Requantizer::None;
            ranges.require(scales, "codes", "absent", "a table, as the requantizer is none");
            return;
        };
        let accepted = codes.accepted.join(" ");
        let apart = codes.accepted.iter().all(|code| !codes.refused.contains_key(code));
        ranges.require(apart, "codes.accepted", &accepted, "none of those in codes.refused");
        let scales =
            self.core.soma.requantizer != Requantizer::None || !codes.accepted.contains(&STEM.into());
        ranges.require(
            scales,
            "codes.accepted",
            accepted,
            format_args!("no {STEM}, as the requantizer is none"),
        );
    }

    fn check_memories(&self, ranges: &mut Ranges) {
        let memory = &self.core.dendrite_memory;
        let widest = self.core.weight_bits.last().copied().unwrap_or(1);
        ranges.at_least("core.dendrite_memory.word_bits", memory.word_bits, widest);
        ranges.within("core.dendrite_memory.word_bits", memory.word_bits, 1, MAX_HELD);
        let field = "core.dendrite_memory.depth_words_by_column";
        let depths = &memory.depth_words_by_column;
        ranges.require(!depths.is_empty(), field, "[]", "one depth or more");
        for &depth in depths {
            ranges.at_least(field, depth, 1);
        }
        ranges.at_least("core.dendrite_memory.ids_per_word", memory.ids_per_word.unwrap_or(1), 1);
        let lists = memory.synapse_lists.as_ref();
        if let Some(lists) = lists {
            let table = "core.dendrite_memory.synapse_lists";
            ranges.within(&format!("{table}.head_bits"), lists.head_bits, 0, 1 << 16);
            ranges.within(&format!("{table}.id_bits"), lists.id_bits, 0, 32);
            ranges.at_least(&format!("{table}.max_synapses"), lists.max_synapses, 1);
        }
        ranges.one_of([
            ("core.dendrite_memory.ids_per_word", memory.ids_per_word.map(f64::from)),
            ("core.dendrite_memory.synapse_lists", lists.map(|lists| lists.max_synapses.into())),
        ]);
        ranges.at_least("core.dendrite_memory.max_axons_in", memory.max_axons_in.unwrap_or(1), 1);
        ranges.at_least("core.dendrite_memory.max_dendrites", memory.max_dendrites, 1);
        ranges.at_least("core.axon_memory.depth_entries", self.core.axon_memory.depth_entries, 1);
    }

    fn check_core_timing(&self, ranges: &mut Ranges) {
        let timing = &self.core.timing;
        let SomaCycles { stem, max_pool, quartz, integrate_fire, idle } = &timing.soma_cycles;
        ranges.stem_cycles("core.timing.soma_cycles.stem", stem);
        if let Some(word) = &self.core.second_state_word {
            ranges.stem_cycles("core.second_state_word.soma_cycles", &word.soma_cycles);
        }
        for (field, cycles) in [
            ("core.timing.soma_cycles.max_pool.compare", max_pool.compare),
            ("core.timing.soma_cycles.quartz.integrate", quartz.integrate),
            ("core.timing.soma_cycles.quartz.ramp", quartz.ramp),
            ("core.timing.soma_cycles.integrate_fire.integrate", integrate_fire.integrate),
            ("core.timing.soma_cycles.integrate_fire.fire", integrate_fire.fire),
            ("core.timing.soma_cycles.idle", idle.unwrap_or(1)),
        ] {
            ranges.within(field, cycles, 1, MAX_LATENCY);
        }
        ranges.within("core.timing.soma_lanes", timing.soma_lanes, 1, MAX_HELD);
        ranges.within("core.timing.soma_latency", timing.soma_latency, 1, MAX_LATENCY);
        ranges.within("core.timing.axon_lookup_cycles", timing.axon_lookup_cycles, 1, MAX_LATENCY);
        ranges.within("core.timing.decode_cycles", timing.decode_cycles, 1, MAX_LATENCY);
        ranges.within("core.timing.sops_per_cycle", timing.sops_per_cycle.unwrap_or(1), 1, MAX_HELD);
        let millicycles = timing.sop_millicycles;
        ranges.within("core.timing.sop_millicycles", millicycles.unwrap_or(1), 1, 1000 * MAX_LATENCY);
        let fields = [
            ("core.timing.sops_per_cycle", timing.sops_per_cycle.map(f64::from)),
            ("core.timing.sop_millicycles", millicycles.map(f64::from)),
        ];
        ranges.one_of(fields);
        ranges.within("core.timing.accumulate_latency", timing.accumulate_latency, 0, MAX_LATENCY);
    }

    fn check_noc(&self, ranges: &mut Ranges) {
        let noc = &self.noc;
        ranges.within("noc.packet_flits", noc.packet_flits, 1, 1024);
        ranges.within("noc.queue_flits", noc.queue_flits, 1, MAX_LATENCY);
        ranges.within("noc.receive_flits", noc.receive_flits, noc.packet_flits, MAX_LATENCY);
        ranges.within("noc.inject_cycles", noc.inject_cycles, 1, MAX_LATENCY);
        ranges.within("noc.hop_cycles", noc.hop_cycles, 1, MAX_LATENCY);
        ranges.within("noc.hop_y_cycles", noc.hop_y_cycles.unwrap_or(1), 1, MAX_LATENCY);
        ranges.within("noc.eject_cycles", noc.eject_cycles, 1, MAX_LATENCY);
        ranges.within("noc.credit_cycles", noc.credit_cycles, 1, MAX_LATENCY);
        let each_once = Port::ALL.iter().all(|port| noc.arbitration_order.contains(port));
        let order = noc.arbitration_order.map(|port| port.to_string()).join(" ");
        ranges.require(each_once, "noc.arbitration_order", order, "+x, -x, +y, -y and local, each once");
    }

    fn check_sync(&self, ranges: &mut Ranges) {
        let (tick_us, tick_cycles) = (self.sync.tick_us, self.sync.tick_cycles);
        ranges.between("sync.tick_us", tick_us.unwrap_or(0.0), 0.0, MAX_TICK_US);
        let expected = format_args!("0 to {MAX_TICK_CYCLES}");
        let cycles = tick_cycles.unwrap_or(0);
        ranges.require(cycles <= MAX_TICK_CYCLES, "sync.tick_cycles", cycles, expected);
        ranges.one_of([
            ("sync.tick_us", tick_us.map(|us| us.to_string())),
            ("sync.tick_cycles", tick_cycles.map(|cycles| cycles.to_string())),
        ]);
        let barrier = self.sync.barrier_cycles;
        let expected = format_args!("0 to {MAX_BARRIER}");
        ranges.require(barrier <= MAX_BARRIER, "sync.barrier_cycles", barrier, expected);
        let table = &self.sync.barrier_cycles_by_nodes;
        let field = "sync.barrier_cycles_by_nodes";
        for &(nodes, cycles) in table {
            ranges.require(cycles <= MAX_BARRIER, field, cycles, format_args!("{MAX_BARRIER} or less"));
            ranges.at_least(field, nodes, 1);
        }
        let rises =
            |&(nodes, cycles): &(u32, u64), &(more, later): &(u32, u64)| nodes < more && cycles <= later;
        let told = format!("{table:?}").replace('(', "[").replace(')', "]");
        ranges.require(
            table.is_sorted_by(rises),
            field,
            told,
            "ascending nodes, and cycles that do not fall",
        );
    }

    fn check_io(&self, ranges: &mut Ranges) {
        let mut places = vec![];
        for (index, io) in self.io.iter().enumerate() {
            let table = format!("io[{index}]");
            ranges.within(&format!("{table}.io_cycles"), io.io_cycles, 1, MAX_LATENCY);
            let Some([x, y]) = io.position(&self.mesh) else {
                let is_local = io.side == Port::Local;
                let field = if is_local { format!("{table}.side") } else { table };
                let value = if is_local { "local" } else { "placed twice or nowhere" };
                let expected =
                    if is_local { "+x, -x, +y or -y" } else { "`x` and `y`, or `at` instead of them" };
                ranges.require(false, &field, value, expected);
                continue;
            };
            let coordinates = format!("[{x}, {y}]");
            let inside = x < self.mesh.width && y < self.mesh.height;
            ranges.require(inside, &table, &coordinates, "a node of the mesh");
            let outward = match io.side {
                Port::PlusX => x + 1 == self.mesh.width,
                Port::MinusX => x == 0,
                Port::PlusY => y + 1 == self.mesh.height,
                Port::MinusY => y == 0,
                Port::Local => false,
            };
            let expected = format!("a side of {coordinates} that faces outward");
            ranges.require(outward || !inside, &format!("{table}.side"), io.side, expected);
            let again = places.contains(&(x, y, io.side));
            ranges.require(!again, &table, &coordinates, "a port of its own");
            places.push((x, y, io.side));
        }
    }

    fn check_prices(&self, ranges: &mut Ranges) {
        let (process, energy) = (&self.process, &self.energy);
        ranges.within("process.nm", process.nm, 1, MAX_NM);
        ranges.between("process.vdd_v", process.vdd_v, 0.0, MAX_VDD_V);
        ranges.between("process.clock_mhz", process.clock_mhz.unwrap_or(1.0), CLOCK_MHZ.0, CLOCK_MHZ.1);
        let time_base_ns = process.time_base_ns.unwrap_or(1.0);
        ranges.between("process.time_base_ns", time_base_ns, TIME_BASE_NS.0, TIME_BASE_NS.1);
        ranges.one_of([
            ("process.clock_mhz", process.clock_mhz),
            ("process.time_base_ns", process.time_base_ns),
        ]);
        if let Some(host) = &self.host {
            ranges.between("host.us_per_sample", host.us_per_sample, 0.0, MAX_HOST_US);
            ranges.between("host.us_per_timestep", host.us_per_timestep, 0.0, MAX_HOST_US);
        }
        ranges.between("energy.sop_pj", energy.sop_pj, 0.0, MAX_PRICE);
        for (field, price) in [
            ("energy.soma_update_pj", energy.soma_update_pj),
            ("energy.spike_pj", energy.spike_pj.unwrap_or(0.0)),
            ("energy.packet_pj", energy.packet_pj),
            ("energy.node_packet_pj", energy.node_packet_pj.unwrap_or(0.0)),
            ("energy.flit_hop_pj", energy.flit_hop_pj),
            ("energy.flit_hop_y_pj", energy.flit_hop_y_pj.unwrap_or(0.0)),
            ("energy.link_flit_pj", energy.link_flit_pj.unwrap_or(0.0)),
            ("energy.io_flit_pj", energy.io_flit_pj),
            ("energy.static_mw", energy.static_mw),
        ] {
            let most = if field == "energy.static_mw" { MAX_STATIC_MW } else { MAX_PRICE };
            ranges.between(field, price, 0.0, most);
            let once = energy.scope == EnergyScope::PerTerm || price <= 0.0;
            ranges.require(once, field, price, "0, as energy.scope is all_in");
        }
    }
}
