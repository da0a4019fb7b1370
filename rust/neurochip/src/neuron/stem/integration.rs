//! Coefficients: what the weight sum of a timestep counts in the membrane.

use super::Step;
use crate::image::Image;
use crate::image::arrays::read_i32;
use crate::image::description::{Integration, Population, Stem, Tile};

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
