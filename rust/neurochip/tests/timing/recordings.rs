//! Does our router move packets as two others do, cycle for cycle? (machine.md, section 8.2)

use std::fs::File;
use std::io::Read as _;

use flate2::read::GzDecoder;
use neurochip::chip::Port;

use super::*;

const X_FIRST: [Port; 5] = [Port::PlusX, Port::MinusX, Port::PlusY, Port::MinusY, Port::Local];
const Y_FIRST: [Port; 5] = [Port::PlusY, Port::MinusY, Port::PlusX, Port::MinusX, Port::Local];

/// (created, source, destination, sent, received)
type Row = (u64, u32, u32, u64, u64);

fn recording(name: &str) -> Vec<Row> {
    let path = format!("{}/tests/data/noc/{name}.csv.gz", env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<u64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
    let [created, source, destination, waited, travelled] = cells[..] else {
        panic!("not five columns: {line}")
    };
    let sent = created + waited;
    (created, source as u32, destination as u32, sent, sent + travelled)
}

fn rows(spec: &Noc, side: u32, rows: &[Row]) -> Vec<Row> {
    let mesh = Mesh {
        width: side,
        height: side,
        cores_per_node: None,
        reserved: vec![],
        max_hops_x: None,
        max_hops_y: None,
    };
    let packets = rows.iter().map(|&(created, source, destination, ..)| RecordedPacket {
        created,
        source,
        destination,
    });
    let traces = super::replayed(spec, &mesh, &packets.collect::<Vec<_>>());
    let node = |end| match end {
        Destination::Core(node) => node,
        Destination::Port(_) => panic!("a recording has no io ports"),
    };
    let rows = traces.iter().map(|packet| {
        (packet.created, node(packet.source), node(packet.destination), packet.sent, packet.received)
    });
    rows.collect()
}

fn assert_all_equal(name: &str, spec: &Noc, side: u32) {
    let mut expected = recording(name);
    let mut ours = rows(spec, side, &expected);
    expected.sort_unstable();
    ours.sort_unstable();
    let differing = expected.iter().zip(&ours).filter(|(expected, ours)| expected != ours).count();
    assert_eq!(
        (ours.len(), differing),
        (expected.len(), 0),
        "first: {:?}",
        expected.iter().zip(&ours).find(|(a, b)| a != b)
    );
}

/// `BookSim2` with one virtual channel; the queue of a core is as deep as those of its router.
fn booksim2(queue_flits: u32) -> Noc {
    Noc {
        packet_flits: 1,
        queue_flits,
        receive_flits: queue_flits,
        inject_cycles: 2,
        hop_cycles: 3,
        hop_y_cycles: None,
        eject_cycles: 3,
        credit_cycles: 2,
        arbitration_order: X_FIRST,
    }
}

#[test]
fn every_packet_of_booksim2_at_30_percent_on_4_by_4_is_sent_and_received_in_its_cycle() {
    assert_all_equal("booksim2_4x4_queue4_uniform_0.3", &booksim2(4), 4);
}

#[test]
fn every_packet_of_booksim2_with_shallow_queues_is_sent_and_received_in_its_cycle() {
    assert_all_equal("booksim2_8x8_queue2_uniform_0.1", &booksim2(2), 8);
}

#[test]
fn every_packet_of_booksim2_near_saturation_on_8_by_8_is_sent_and_received_in_its_cycle() {
    assert_all_equal("booksim2_8x8_queue4_uniform_0.26", &booksim2(4), 8);
}

#[test]
fn every_packet_of_the_rtl_mesh_is_sent_and_received_in_its_cycle() {
    let spec = Noc {
        inject_cycles: 1,
        hop_cycles: 1,
        hop_y_cycles: None,
        eject_cycles: 1,
        credit_cycles: 1,
        arbitration_order: Y_FIRST,
        ..booksim2(4)
    };
    assert_all_equal("rtl_mesh_4x4_queue4_uniform_0.35", &spec, 4);
}
