//! Does every chip that ships do what its own numbers say?

use neurochip::chip::{BUILT_IN, ChipSpec, Port};
use neurochip::engine::{Machine, PacketTrace};
use neurochip::traffic::{CoreWork, Destination, Packet, Spike, Traffic, Update};

/// Every chip that ships, with every set of its numbers.
fn chips() -> impl Iterator<Item = ChipSpec> {
    BUILT_IN.iter().flat_map(|(_, text)| {
        let spec = ChipSpec::from_toml(text).unwrap();
        let profile =
            |name: &String| ChipSpec::from_toml_with(text, &[("profile".to_owned(), name.clone())]).unwrap();
        let profiles: Vec<_> = spec.profiles.keys().map(profile).collect();
        std::iter::once(spec).chain(profiles)
    })
}

/// One neuron of a core fires, once to each of the packets.
fn one_spike(core: u32, packets: Vec<Packet>) -> Traffic {
    Traffic {
        cores: vec![CoreWork { core, updates: 0..1, spikes: 0..1 }],
        updates: vec![Update { neurons: 1, soma_cycles: 1 }],
        spikes: vec![Spike { neuron: 0, packets: 0..packets.len() as u32 }],
        packets,
        inputs: vec![],
    }
}

fn simulated(spec: &ChipSpec, traffic: &Traffic) -> (u64, Vec<PacketTrace>) {
    let mut trace = vec![];
    let timing = Machine::new(spec).simulate(traffic, Some(&mut trace)).unwrap();
    (timing.quiet_cycle, trace)
}

#[test]
fn a_packet_crosses_an_empty_chip_in_inject_hops_and_eject_cycles() {
    for spec in chips() {
        let core = |x, y| spec.grid().first_core(spec.node(x, y));
        let (source, destination) = (core(1, 0), core(spec.mesh.width - 1, spec.mesh.height - 1));
        let packet = Packet { destination: Destination::Core(destination), synapses: 0 };
        let (_, trace) = simulated(&spec, &one_spike(source, vec![packet]));
        let noc = &spec.noc;
        let along_x = (spec.mesh.width - 2) * noc.hop_cycles_to(Port::PlusX);
        let along_y = (spec.mesh.height - 1) * noc.hop_cycles_to(Port::PlusY);
        let head = noc.inject_cycles + along_x + along_y + noc.eject_cycles;
        let expected = u64::from(head + noc.packet_flits - 1);
        assert_eq!(trace[0].received - trace[0].sent, expected, "{}", spec.name);
    }
}

#[test]
fn a_core_that_always_has_synapses_adds_them_at_its_peak_rate() {
    for spec in chips() {
        let timing = &spec.core.timing;
        let core = spec.grid().first_core(spec.node(1, 1));
        // 1000 cycles of the fast, as many as that takes of the slow.
        let synapses = 1000 * timing.sops_per_cycle.unwrap_or(1);
        let adding = timing.sop_millicycles.unwrap_or(1000);
        let packet = Packet { destination: Destination::Core(core), synapses };
        let quiet = |packets| simulated(&spec, &one_spike(core, vec![packet; packets])).0;
        let cycles = quiet(21) - quiet(1);
        assert_eq!(cycles, 20 * u64::from(adding + timing.decode_cycles), "{}", spec.name);
    }
}

#[test]
fn darwin3_at_its_peak_is_the_published_chip_of_darwin_wafer() {
    let spec = chips().find(|spec| spec.name == "darwin3").unwrap();
    let sops_per_us = 575 * u64::from(spec.core.timing.sops_per_cycle.unwrap()) * 333;
    let published = 64_000_000 / 64; // 64 TSOPS on 64 chips
    assert!((published * 95 / 100..=published).contains(&sops_per_us), "{sops_per_us}");
    let tick_us = spec.tick_cycles() / 333;
    assert_eq!(tick_us, 500);
}

#[test]
fn a_spike_on_loihi_takes_the_published_nanoseconds_of_its_stages() {
    let loihi = |profile: &str| chips().find(|spec| spec.profile.as_deref() == Some(profile)).unwrap();
    let received = |profile, x, y| {
        let spec = loihi(profile);
        let destination = Destination::Core(spec.grid().first_core(spec.node(x, y)) + 1);
        let (_, trace) = simulated(&spec, &one_spike(0, vec![Packet { destination, synapses: 0 }]));
        trace[0].received - trace[0].sent
    };
    // 2.1 ns within a tile, 4.1 a hop along x, 6.5 along y: each is rounded to a nanosecond.
    for (x, y) in [(0, 0), (1, 0), (0, 1), (7, 3)] {
        let cycles = received("davies2018", x, y);
        let tenths_of_ns = u64::from(21 + 41 * x + 65 * y);
        assert!((10 * cycles).abs_diff(tenths_of_ns) <= u64::from(1 + 5 * (x + y)), "({x}, {y}): {cycles}");
    }
    assert_eq!(loihi("davies2018").core.timing.adding_cycles(100), 350);
    assert_eq!(loihi("nahuku").core.timing.adding_cycles(100), 380);
    assert_eq!([1, 32].map(|tiles| loihi("davies2018").sync.barrier(tiles)), [113, 465]);
    assert_eq!([1, 2, 4, 29].map(|tiles| loihi("nahuku").sync.barrier(tiles)), [600, 1000, 1400, 1800]);
}
