//! A replay as a job: columns of packets in, columns of cycles out.

use neurochip::chip::ChipSpec;
use neurochip::engine::{self, Cancelled, Consume, RecordedPacket};
use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::job::Job;
use crate::run::set_outputs;
use crate::{InputError, Raised, SimulationError};

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
        let outcome = engine::replay(&spec.noc, &spec.mesh, &spec.board, consume, &packets, progress);
        let columns = outcome.map(|replayed| {
            let injected = replayed.traces.iter().map(|packet| packet.sent as i64).collect();
            let arrived = replayed.traces.iter().map(|packet| packet.received as i64).collect();
            (injected, arrived, replayed.outputs)
        });
        Box::new(move |py| {
            let (injected, arrived, outputs): (Vec<i64>, Vec<i64>, _) = columns?;
            let arrays = PyDict::new(py);
            arrays.set_item("injected", injected.into_pyarray(py))?;
            arrays.set_item("arrived", arrived.into_pyarray(py))?;
            set_outputs(&arrays, &outputs)?;
            Ok(arrays)
        })
    })
}

impl From<Cancelled> for Raised {
    fn from(cancelled: Cancelled) -> Self {
        Self(SimulationError::new_err(cancelled.to_string()))
    }
}
