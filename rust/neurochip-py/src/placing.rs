//! Where tiles could sit: a problem that stays here while Python tries placements of it.

use neurochip::placement::{Flow, Layout, Mesh, Problem, Search, anneal, descend};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::{CapacityError, Raised};

/// Senders, receivers and packets of flows.
pub(crate) type Flows<'py> =
    (Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<u32>>, Bound<'py, PyArray1<u64>>);

pub(crate) fn arrays<'py>(py: Python<'py>, flows: &[Flow]) -> Flows<'py> {
    let places = |of: fn(&Flow) -> u32| flows.iter().map(of).collect::<Vec<_>>().into_pyarray(py);
    let packets = flows.iter().map(|flow| flow.packets).collect::<Vec<_>>().into_pyarray(py);
    (places(|flow| flow.from), places(|flow| flow.to), packets)
}

/// Tiles that are to be placed on a mesh.
#[pyclass(frozen)]
pub(crate) struct Placer(Problem);

#[pymethods]
#[expect(clippy::needless_pass_by_value, reason = "Python hands over values")]
impl Placer {
    /// `core_words`: one per node; `tile_words`: one per tile; `flows` are those of `Simulator.flows`.
    #[new]
    fn new(
        size: [u32; 2],
        max_hops: [Option<u32>; 2],
        core_words: PyReadonlyArray1<'_, i64>,
        ports: (usize, Vec<[u32; 2]>),
        tile_words: PyReadonlyArray1<'_, i64>,
        flows: (PyReadonlyArray1<'_, u32>, PyReadonlyArray1<'_, u32>, PyReadonlyArray1<'_, u64>),
    ) -> Result<Self, Raised> {
        let (entrance, exits) = ports;
        let &entrance = exits
            .get(entrance)
            .ok_or_else(|| CapacityError::new_err(format!("there is no port {entrance}")))?;
        let mesh = Mesh { size, max_hops, words: vector(&core_words), entrance, exits };
        let (senders, receivers, packets) = (vector(&flows.0), vector(&flows.1), vector(&flows.2));
        let flows = senders.into_iter().zip(receivers).zip(packets);
        let flows = flows.map(|((from, to), packets)| Flow { from, to, packets });
        Ok(Self(Problem::new(mesh, vector(&tile_words), flows.collect())?))
    }

    /// Packet hops, and packets across the hottest link, of a placement; checks all of it.
    fn cost(&self, py: Python<'_>, nodes: PyReadonlyArray1<'_, u32>) -> Result<(u64, u64), Raised> {
        let nodes = vector(&nodes);
        let layout = py.detach(|| Layout::new(&self.0, &nodes))?;
        Ok((layout.packet_hops(), layout.hottest_link()))
    }

    /// Where tiles go from a placement when each follows its traffic.
    fn descend<'py>(
        &self,
        py: Python<'py>,
        nodes: PyReadonlyArray1<'py, u32>,
    ) -> Result<Bound<'py, PyArray1<u32>>, Raised> {
        self.improved(py, &nodes, descend)
    }

    /// Where tiles go from a placement in one annealing.
    fn anneal<'py>(
        &self,
        py: Python<'py>,
        nodes: PyReadonlyArray1<'py, u32>,
        spread: u32,
        seed: u64,
    ) -> Result<Bound<'py, PyArray1<u32>>, Raised> {
        self.improved(py, &nodes, |layout| anneal(layout, Search { spread, seed }))
    }
}

impl Placer {
    fn improved<'py>(
        &self,
        py: Python<'py>,
        nodes: &PyReadonlyArray1<'py, u32>,
        search: impl FnOnce(&mut Layout) + Send,
    ) -> Result<Bound<'py, PyArray1<u32>>, Raised> {
        let nodes = vector(nodes);
        let found = py.detach(|| {
            let mut layout = Layout::new(&self.0, &nodes)?;
            search(&mut layout);
            Ok::<_, neurochip::placement::Error>(layout.nodes().to_vec())
        })?;
        Ok(found.into_pyarray(py))
    }
}

fn vector<T: numpy::Element + Copy>(array: &PyReadonlyArray1<'_, T>) -> Vec<T> {
    array.as_array().iter().copied().collect()
}
