//! Annealing: while it is hot, moves that cost something are taken too.

use super::layout::Layout;
use super::random::{PATIENCE_BITS, Random};

/// [`Search::spread`] at which only crowded links count.
pub const MAX_SPREAD: u32 = 16;

/// Temperatures, each 9 % below the one before: the last is 1/12000 of the first.
const STAGES: u32 = 100;
/// Moves tried at each temperature, for every tile. Four times as many find 2 % fewer hops.
const MOVES_PER_TILE: usize = 50;
/// Moves from which the first temperature is taken.
const PROBES: u32 = 200;
/// How far a move goes at first, along each axis; it shrinks with the temperature to [`LAST_REACH`].
const FIRST_REACH: u32 = 24;
const LAST_REACH: u32 = 2;

/// Which annealing: another one finds another placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// How much crowded links count, of [`MAX_SPREAD`]; the rest is for crossed links.
    pub spread: u32,
    /// Seed of its random numbers.
    pub seed: u64,
}

/// What a search minimises, in units of its own.
#[derive(Debug, Clone, Copy)]
struct Price {
    hop: i128,
    square: i128,
}

impl Price {
    /// Costs at which hops and squares of a layout cost the same, if they count the same.
    fn new(layout: &Layout, spread: u32) -> Self {
        let squares_per_hop = layout.squares() / i128::from(layout.packet_hops().max(1));
        let spread = i128::from(spread.min(MAX_SPREAD));
        Self { hop: squares_per_hop.max(1) * (i128::from(MAX_SPREAD) - spread), square: spread }
    }

    fn of(self, layout: &Layout) -> i128 {
        self.hop * i128::from(layout.packet_hops()) + self.square * layout.squares()
    }
}

/// Moves tiles by simulated annealing (Kirkpatrick, Gelatt and Vecchi, Science 1983), and keeps the
/// best that it came by: at the search's costs never a worse one than it started from.
pub fn anneal(layout: &mut Layout, search: Search) {
    if layout.problem().flows().is_empty() {
        return; // nothing to win, and nothing to be pulled by
    }
    let mut random = Random::new(search.seed);
    let price = Price::new(layout, search.spread);
    let mut best = (price.of(layout), layout.nodes().to_vec());
    let mut temperature = first_temperature(layout, price, &mut random);
    for stage in 0..STAGES {
        let reach = (FIRST_REACH * (STAGES - stage) / STAGES).max(LAST_REACH);
        for _ in 0..MOVES_PER_TILE * layout.nodes().len() {
            let cost = attempt(layout, price, temperature, reach, &mut random);
            if cost < best.0 {
                best = (cost, layout.nodes().to_vec());
            }
        }
        temperature = temperature * 91 / 100;
    }
    *layout = Layout::new(layout.problem(), &best.1).expect("it was a layout before");
}

/// Tries one move, and says what the layout costs then.
fn attempt(layout: &mut Layout, price: Price, temperature: i128, reach: u32, random: &mut Random) -> i128 {
    let before = price.of(layout);
    let (tile, node) = pick(layout, reach, random);
    let here = layout.nodes()[tile];
    if !layout.go(tile, node) {
        return before;
    }
    let cost = price.of(layout);
    if cost - before <= (temperature * i128::from(random.patience())) >> PATIENCE_BITS {
        return cost;
    }
    layout.go(tile, here);
    before
}

/// Half of what a random move changes the cost by: at first most moves are taken.
fn first_temperature(layout: &mut Layout, price: Price, random: &mut Random) -> i128 {
    let before = price.of(layout);
    let (mut sum, mut count) = (0, 0);
    for _ in 0..PROBES {
        let (tile, node) = pick(layout, FIRST_REACH, random);
        let here = layout.nodes()[tile];
        if layout.go(tile, node) {
            sum += (price.of(layout) - before).abs();
            count += 1;
            layout.go(tile, here);
        }
    }
    sum / i128::from(2 * count.max(1))
}

/// A tile, and a node near it or near a place that it exchanges packets with.
fn pick(layout: &Layout, reach: u32, random: &mut Random) -> (usize, u32) {
    let problem = layout.problem();
    let tile = random.below(layout.nodes().len());
    let flows = problem.flows_of(tile);
    let centre = match random.below(2) {
        0 if !flows.is_empty() => layout.other_end(tile, &flows[random.below(flows.len())]),
        _ => layout.position(tile),
    };
    let mut near = |axis: usize| {
        let start = centre[axis].saturating_sub(reach);
        let stop = (centre[axis] + reach + 1).min(problem.mesh.size[axis]);
        start + random.below((stop - start) as usize) as u32
    };
    (tile, problem.node([near(0), near(1)]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::problems;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn annealing_never_ends_with_a_dearer_layout_than_it_began_with(
            (problem, start) in problems(), spread in 0..=MAX_SPREAD, seed: u64,
        ) {
            let mut layout = Layout::new(&problem, &start).unwrap();
            let price = Price::new(&layout, spread);
            let before = price.of(&layout);
            anneal(&mut layout, Search { spread, seed });
            prop_assert!(price.of(&layout) <= before);
            prop_assert!(Layout::new(&problem, layout.nodes()).is_ok());
        }
    }
}
