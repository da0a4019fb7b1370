//! Coefficients: what the weight sum of a timestep counts in the membrane.

use super::Step;
use crate::image::Image;
use crate::image::arrays::read_i32;
use crate::image::description::{Integration, Population, Stem, Tile};
use crate::register::Register;

/// The coefficients of a tile's neurons.
#[derive(Debug)]
pub(super) enum Coefficients {
    /// `2^bit`.
    Exact,
    /// Fractions: one row for all neurons, or one for each of the tile's channels.
    Scaled(Vec<Row>),
}

/// Fractions `coefficients[step] * 2^-shift`.
#[derive(Debug)]
pub(super) struct Row {
    coefficients: Vec<i32>,
    shift: u32,
}

/// One coefficient: multiplies, and rounds half up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factor {
    coefficient: i64,
    half: i64,
    shift: u32,
}

/// The coefficients of all steps where weight sums have 16 bits and products 31: in rows of so many neurons
/// that loops over them are long.
#[derive(Debug)]
pub(super) struct Lanes {
    /// By step for fractions, by bit for `2^bit`.
    coefficients: Vec<Vec<i32>>,
    by_bit: bool,
    halves: Vec<i32>,
    shifts: Vec<i32>,
    /// The shift of all neurons, if they have one: not every instruction set shifts each lane by its own.
    shift: Option<i32>,
}

/// Fewest neurons of a row.
const ROW: usize = 64;
/// The largest coefficient: times a sum of 16 bits, and with a half of 2^29, it fits 32.
const LARGEST: i32 = 1 << 15;

impl Lanes {
    fn new(by_bit: bool, rows: &[Row]) -> Option<Self> {
        if rows.iter().flat_map(|row| &row.coefficients).any(|&coefficient| coefficient > LARGEST) {
            return None;
        }
        let repeats = ROW.div_ceil(rows.len());
        let each = |of: &dyn Fn(&Row) -> i32| rows.iter().map(of).collect::<Vec<i32>>().repeat(repeats);
        let steps = 0..rows[0].coefficients.len();
        let shifts = each(&|row| row.shift as i32);
        Some(Self {
            coefficients: steps.map(|step| each(&|row| row.coefficients[step])).collect(),
            by_bit,
            halves: each(&|row| (1 << row.shift) >> 1),
            shift: shifts.iter().all(|shift| *shift == shifts[0]).then_some(shifts[0]),
            shifts,
        })
    }

    /// One soma update of every neuron: weight sums of 16 bits enter the membranes; returns how many of
    /// these left their register.
    #[inline(always)]
    pub(super) fn add<S: Copy + Into<i32>>(
        &self,
        step: Step,
        sums: &[S],
        register: Register,
        membranes: &mut [i32],
    ) -> u64 {
        match (register.saturates(), self.shift) {
            (true, Some(_)) => self.add_rows::<true, true, S>(step, sums, register, membranes),
            (true, None) => self.add_rows::<true, false, S>(step, sums, register, membranes),
            (false, Some(_)) => self.add_rows::<false, true, S>(step, sums, register, membranes),
            (false, None) => self.add_rows::<false, false, S>(step, sums, register, membranes),
        }
    }

    #[inline(always)]
    fn add_rows<const SATURATES: bool, const ONE_SHIFT: bool, S: Copy + Into<i32>>(
        &self,
        step: Step,
        sums: &[S],
        register: Register,
        membranes: &mut [i32],
    ) -> u64 {
        let register = register.narrow();
        let sign = if step.negative { -1 } else { 1 };
        let number = if self.by_bit { step.bit } else { step.number };
        let row = &self.coefficients[number as usize][..];
        let one = self.shift.unwrap_or(0);
        let mut overflows = 0;
        for (membranes, sums) in membranes.chunks_mut(row.len()).zip(sums.chunks(row.len())) {
            // All of one length: a loop that cannot panic.
            let neurons = membranes.len();
            let sums = &sums[..neurons];
            let [row, halves, shifts] = [row, &self.halves, &self.shifts].map(|values| &values[..neurons]);
            let mut of_row = 0;
            for neuron in 0..neurons {
                let shift = if ONE_SHIFT { one } else { shifts[neuron] };
                let sum: i32 = sums[neuron].into();
                let added = (sign * sum * row[neuron] + halves[neuron]) >> (shift & 31);
                let (held, overflow) = register.store::<SATURATES>(membranes[neuron] + added);
                membranes[neuron] = held;
                of_row += overflow;
            }
            overflows += u64::from(of_row);
        }
        overflows
    }
}

impl Factor {
    fn new(coefficient: i64, shift: u32) -> Self {
        Self { coefficient, half: (1 << shift) >> 1, shift }
    }

    #[inline(always)]
    pub(super) fn times(self, sum: i32) -> i64 {
        (i64::from(sum) * self.coefficient + self.half) >> self.shift // at most 62 bits
    }
}

impl Coefficients {
    pub(super) fn new(image: &Image, population: &Population, stem: &Stem, tile: &Tile) -> Self {
        let Integration::Scaled { coefficients, shift } = &stem.integration else { return Self::Exact };
        let (values, shifts) = (read_i32(image.blob(), *coefficients), read_i32(image.blob(), *shift));
        let steps = values.len() / shifts.len();
        let rows = values.chunks_exact(steps).zip(&shifts);
        let mut rows: Vec<Row> =
            rows.map(|(row, &shift)| Row { coefficients: row.to_vec(), shift: shift as u32 }).collect();
        if rows.len() > 1 {
            debug_assert_eq!(rows.len(), population.shape[2] as usize, "the image was checked");
            rows = rows.drain(tile.channels[0] as usize..tile.channels[1] as usize).collect();
        }
        Self::Scaled(rows)
    }

    /// The same where 32 bits suffice, if they do; weight sums have 16.
    pub(super) fn lanes(&self) -> Option<Lanes> {
        match self {
            Self::Exact => {
                let powers = Row { coefficients: (0..8).map(|bit| 1 << bit).collect(), shift: 0 };
                Lanes::new(true, &[powers])
            }
            Self::Scaled(rows) => Lanes::new(false, rows),
        }
    }

    /// The factors of a step: one for all neurons, or one for each of the tile's channels.
    pub(super) fn factors(&self, step: Step) -> Vec<Factor> {
        let sign = if step.negative { -1 } else { 1 };
        match self {
            Self::Exact => vec![Factor::new(sign << step.bit, 0)],
            Self::Scaled(rows) => {
                let factor = |row: &Row| {
                    Factor::new(sign * i64::from(row.coefficients[step.number as usize]), row.shift)
                };
                rows.iter().map(factor).collect()
            }
        }
    }
}
