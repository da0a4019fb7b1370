//! A replay as a job: columns of packets in, columns of cycles out.

use neurochip::chip::ChipSpec;
use neurochip::engine::{self, Cancelled, Consume, OutputCounts, RecordedPacket, Replayed};
use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::job::Job;
use crate::run::matrix;
use crate::{InputError, Raised, SimulationError};

/// Ports of a router, as [`Replayed::outputs`] has them.
const PORTS: usize = 5;

/// The packets of three columns of one length.
pub(crate) fn packets(
    created: &PyReadonlyArray1<'_, u64>,
    source: &PyReadonlyArray1<'_, u32>,
    destination: &PyReadonlyArray1<'_, u32>,
) -> PyResult<Vec<RecordedPacket>> {
    let refused = |error: numpy::AsSliceError| InputError::new_err(error.to_string());
    let created = created.as_slice().map_err(refused)?.iter();
    let source = source.as_slice().map_err(refused)?.iter();
    let destination = destination.as_slice().map_err(refused)?.iter();
    let rows = created.zip(source).zip(destination);
    Ok(rows
        .map(|((&created, &source), &destination)| RecordedPacket { created, source, destination })
        .collect())
}

/// Starts a replay on a thread of its own; `decoded`: cores take packets at the pace of the chip.
pub(crate) fn start(spec: ChipSpec, packets: Vec<RecordedPacket>, decoded: bool) -> PyResult<Job> {
    Job::start(1, move |progress| {
        let consume = if decoded { Consume::Decoded(&spec.core.timing) } else { Consume::OnArrival };
        let outcome = engine::replay(&spec.noc, &spec.mesh, consume, &packets, progress);
        let outcome = outcome.map(|replayed| Columns::new(&replayed));
        Box::new(move |py| arrays(py, outcome?))
    })
}

/// What Python gets, made on the thread of the job.
struct Columns {
    injected: Vec<i64>,
    arrived: Vec<i64>,
    output_flits: Vec<i64>,
    output_blocked_cycles: Vec<i64>,
}

impl Columns {
    fn new(replayed: &Replayed) -> Self {
        let outputs = |count: fn(&OutputCounts) -> u64| {
            replayed.outputs.iter().flatten().map(|output| count(output) as i64).collect()
        };
        Self {
            injected: replayed.traces.iter().map(|packet| packet.sent as i64).collect(),
            arrived: replayed.traces.iter().map(|packet| packet.received as i64).collect(),
            output_flits: outputs(|output| output.flits),
            output_blocked_cycles: outputs(|output| output.blocked_cycles),
        }
    }
}

fn arrays(py: Python<'_>, columns: Columns) -> Result<Bound<'_, PyDict>, Raised> {
    let arrays = PyDict::new(py);
    arrays.set_item("injected", columns.injected.into_pyarray(py))?;
    arrays.set_item("arrived", columns.arrived.into_pyarray(py))?;
    let nodes = columns.output_flits.len() / PORTS;
    arrays.set_item("output_flits", matrix(py, columns.output_flits, [nodes, PORTS])?)?;
    let blocked = matrix(py, columns.output_blocked_cycles, [nodes, PORTS])?;
    arrays.set_item("output_blocked_cycles", blocked)?;
    Ok(arrays)
}

impl From<Cancelled> for Raised {
    fn from(cancelled: Cancelled) -> Self {
        Self(SimulationError::new_err(cancelled.to_string()))
    }
}
