//! The Python boundary, whole: five classes, flat arrays and one error table.
//!
//! Rules kept here: every argument is checked before the GIL is released, no Rust object borrows a
//! Python one, and nothing is computed in this crate.

mod job;
mod placing;
mod replay;
mod run;

use std::ffi::CString;
use std::sync::Arc;

use neurochip::chip::{self, ChipSpec};
use neurochip::image;
use neurochip::instructions::Instructions;
use neurochip::placement;
use neurochip::simulator;
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;
use pyo3::{import_exception, types::PyBytes};

use job::Job;
use run::{Samples, Wanted};

import_exception!(neurochip.errors, CapacityError);
import_exception!(neurochip.errors, ChipError);
import_exception!(neurochip.errors, ImageError);
import_exception!(neurochip.errors, InputError);
import_exception!(neurochip.errors, SimulationError);

/// Turns each Rust error into the Python class that documents it.
struct Raised(PyErr);

impl From<chip::Error> for Raised {
    fn from(error: chip::Error) -> Self {
        Self(ChipError::new_err(error.to_string()))
    }
}

impl From<image::Error> for Raised {
    fn from(error: image::Error) -> Self {
        Self(ImageError::new_err(error.to_string()))
    }
}

impl From<placement::Error> for Raised {
    fn from(error: placement::Error) -> Self {
        Self(CapacityError::new_err(error.to_string()))
    }
}

impl From<simulator::Error> for Raised {
    fn from(error: simulator::Error) -> Self {
        Self(SimulationError::new_err(error.to_string()))
    }
}

impl From<PyErr> for Raised {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl From<Raised> for PyErr {
    fn from(raised: Raised) -> Self {
        raised.0
    }
}

/// A checked chip description.
#[pyclass(frozen, module = "neurochip._core")]
struct Chip(ChipSpec);

#[pymethods]
impl Chip {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "Python hands over values")]
    fn new(toml: &str, overrides: Vec<(String, String)>) -> Result<Self, Raised> {
        Ok(Self(ChipSpec::from_toml_with(toml, &overrides)?))
    }

    #[staticmethod]
    fn from_json(text: &str) -> Result<Self, Raised> {
        Ok(Self(ChipSpec::from_json(text)?))
    }

    fn to_json(&self) -> String {
        self.0.to_json()
    }

    fn fingerprint(&self) -> String {
        self.0.fingerprint()
    }

    /// Column and row of the router of each io port of the board.
    fn ports(&self) -> Vec<(u32, u32)> {
        self.0.ports().iter().map(|port| (port.x, port.y)).collect()
    }

    /// Cycles of the barrier of a network with neurons on so many nodes.
    fn barrier_cycles(&self, active_nodes: u32) -> u64 {
        self.0.sync.barrier(active_nodes)
    }

    /// Shortest timestep, cycles; 0: none.
    fn tick_cycles(&self) -> u64 {
        self.0.tick_cycles()
    }

    fn provenance(&self, field: &str) -> Option<String> {
        self.0.provenance(field)
    }

    /// The same in parts, as JSON.
    fn provenance_json(&self, field: &str) -> Option<String> {
        self.0.provenance_json(field)
    }

    fn assumed(&self) -> Vec<(String, String)> {
        self.0.assumed().into_iter().map(|(field, reason)| (field.to_owned(), reason)).collect()
    }

    /// Pickles and copies are made by way of JSON, which holds everything.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().to_json(),)))
    }

    /// Starts to send packets, in the order of their creation, through the network alone; `decoded`:
    /// cores take them at the pace of the chip, not on arrival.
    #[expect(clippy::needless_pass_by_value, reason = "Python hands over values")]
    fn replay(
        &self,
        created: PyReadonlyArray1<'_, u64>,
        source: PyReadonlyArray1<'_, u32>,
        destination: PyReadonlyArray1<'_, u32>,
        decoded: bool,
    ) -> Result<Job, Raised> {
        let packets = replay::packets(&created, &source, &destination)?;
        Ok(replay::start(self.0.clone(), packets, decoded)?)
    }
}

/// A checked image.
#[pyclass(frozen, module = "neurochip._core")]
struct Image(image::Image);

#[pymethods]
impl Image {
    #[new]
    fn new(py: Python<'_>, description: &str, blob: &[u8]) -> Result<Self, Raised> {
        Ok(Self(py.detach(|| image::Image::new(description, blob.to_vec()))?))
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> Result<Self, Raised> {
        Ok(Self(py.detach(|| image::Image::from_bytes(data))?))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| self.0.to_bytes()))
    }

    /// Its binary part.
    fn blob<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.blob())
    }

    fn description(&self) -> String {
        self.0.description_json()
    }

    /// Pickles and copies are made by way of the bytes of its file.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((slf.get_type().getattr("from_bytes")?, (slf.get().to_bytes(slf.py()),)))
    }
}

/// An image unpacked for running.
#[pyclass(frozen)]
struct Simulator(Arc<simulator::Simulator>);

#[pymethods]
impl Simulator {
    /// For the instructions that `NEUROCHIP_SIMD` names, if it is set, and else the widest of this machine.
    #[new]
    fn new(py: Python<'_>, image: &Image) -> Result<Self, Raised> {
        let instructions = instructions(py)?;
        let simulator = || simulator::Simulator::with_instructions(image.0.clone(), instructions);
        Ok(Self(Arc::new(py.detach(simulator))))
    }

    /// Packets from place to place, given how often each neuron fires: senders, receivers, packets.
    #[expect(clippy::needless_pass_by_value, reason = "Python hands over values")]
    fn flows<'py>(
        &self,
        py: Python<'py>,
        spikes: PyReadonlyArray1<'py, u64>,
    ) -> Result<placing::Flows<'py>, Raised> {
        let spikes = spikes.as_slice().map_err(|error| InputError::new_err(error.to_string()))?.to_vec();
        let flows = py.detach(|| self.0.flows(&spikes))?;
        Ok(placing::arrays(py, &flows))
    }

    /// Starts a run of `codes` (samples, neurons of the input) on `threads` threads of its own; with
    /// `cycles`, with `detail` also by node and timestep; `record` keeps the codes of every neuron.
    ///
    /// `part`: the first so many samples had their results in another job and are only still in flight;
    /// and whether yet another job follows.
    #[pyo3(signature = (codes, cycles, record, threads, part = (0, false), detail = false))]
    #[expect(clippy::needless_pass_by_value, reason = "Python hands over values")]
    fn start(
        &self,
        codes: PyReadonlyArray2<'_, u8>,
        cycles: bool,
        record: bool,
        threads: usize,
        part: (usize, bool),
        detail: bool,
    ) -> Result<Job, Raised> {
        let [samples, given] = [codes.shape()[0], codes.shape()[1]];
        let wanted = self.0.input_length();
        if given != wanted {
            return Err(InputError::new_err(format!(
                "samples have {given} codes, the network takes {wanted}"
            ))
            .into());
        }
        let (before, more) = part;
        if before > samples {
            return Err(InputError::new_err(format!("{before} of {samples} samples are in flight")).into());
        }
        let codes = codes.as_slice().map_err(|error| InputError::new_err(error.to_string()))?.to_vec();
        let samples = Samples { codes, before, more };
        let wanted = Wanted { cycles, record, detail };
        Ok(run::start(Arc::clone(&self.0), samples, wanted, threads)?)
    }
}

/// What `NEUROCHIP_SIMD` asks for, or with a warning the widest below that this machine has.
fn instructions(py: Python<'_>) -> Result<Instructions, Raised> {
    let Some(word) = std::env::var_os("NEUROCHIP_SIMD") else { return Ok(Instructions::widest()) };
    let word = word.to_string_lossy();
    let chosen = Instructions::asked_for(&word)
        .map_err(|error| InputError::new_err(format!("NEUROCHIP_SIMD: {error}")))?;
    if chosen.name() != word {
        let note = format!("NEUROCHIP_SIMD: this machine has no {word}; {} runs instead", chosen.name());
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &CString::new(note).map_err(PyErr::from)?, 1)?;
    }
    Ok(chosen)
}

/// The instruction set for which loops run.
#[pyfunction]
fn instruction_set(py: Python<'_>) -> Result<&'static str, Raised> {
    Ok(instructions(py)?.name())
}

/// Name and TOML text of each chip that travels with the package.
#[pyfunction]
fn built_in_chips() -> Vec<(&'static str, &'static str)> {
    chip::BUILT_IN.to_vec()
}

/// What the description of an image may say, as JSON Schema.
#[pyfunction]
fn image_schema() -> String {
    image::schema_json()
}

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::run::population_counters;
    #[pymodule_export]
    use super::{
        Chip, Image, Simulator, built_in_chips, image_schema, instruction_set, job::Job, placing::Placer,
    };
}
