//! Constants: biases and requantizers. Their ranges are those in which no product overflows.

use std::ops::RangeInclusive;

use super::{Check, Error, check_numbers, require};
use crate::image::arrays::{read_i32, read_i64};
use crate::image::description::{
    Description, IntegrateFire, Model, Numbers, Population, Quartz, Readout, Requantizer, SpikeCode, Stem,
};
use crate::register::Register;

/// What is added after rounding: far more than any zero point.
const ADDENDS: RangeInclusive<i32> = -(1 << 16)..=1 << 16;
/// A float32 mantissa with its highest bit set; 0 stands for 0.
const MANTISSAS: RangeInclusive<i32> = 1 << 23..=1 << 24;
const FLOAT_SHIFTS: RangeInclusive<i32> = -8..=256;
const MULTIPLIERS: RangeInclusive<i32> = -(1 << 30)..=1 << 30;
const FIXED_SHIFTS: RangeInclusive<i32> = 0..=62;
const OFFSETS: RangeInclusive<i64> = -(1 << 62)..=1 << 62;
/// What turns 8-bit codes into source integers and back.
const BASES: RangeInclusive<i32> = -512..=512;

pub(super) fn check(image: &Description, population: &Population, blob: &[u8]) -> Check {
    let arrays = Arrays { population, blob };
    let core = &image.chip.core;
    match &population.model {
        Model::Input { .. } | Model::MaxPool => Ok(()),
        Model::Stem(stem) => check_stem(&arrays, stem),
        Model::Quartz(quartz) => {
            arrays.check_quartz(quartz, Register::new(core.membrane_bits, core.overflow))
        }
        Model::IntegrateFire(model) => {
            arrays.check_integrate_fire(model, Register::new(core.membrane_bits, core.overflow))
        }
        Model::Constant { values } => arrays.check_levels(*values),
    }
}

fn check_stem(arrays: &Arrays<'_>, stem: &Stem) -> Check {
    let blob = arrays.blob;
    arrays.check("biases", stem.bias, 4)?;
    match &stem.requantizer {
        None => Ok(()),
        Some(Requantizer::Float32 { mantissa, shift, zero }) => {
            arrays.check("mantissas", *mantissa, 4)?;
            arrays.check("shifts", *shift, 4)?;
            arrays.check_alike([("mantissas", *mantissa), ("shifts", *shift)])?;
            let mut nonzero = read_i32(blob, *mantissa);
            nonzero.retain(|&mantissa| mantissa != 0);
            arrays.check_range("mantissa", nonzero, &MANTISSAS)?;
            arrays.check_range("shift", read_i32(blob, *shift), &FLOAT_SHIFTS)?;
            arrays.check_range("zero", vec![*zero], &ADDENDS)
        }
        Some(Requantizer::Fixed { multiplier, offset, shift }) => {
            arrays.check("multipliers", *multiplier, 4)?;
            arrays.check("offsets", *offset, 8)?;
            arrays.check("shifts", *shift, 4)?;
            arrays.check_alike([("multipliers", *multiplier), ("offsets", *offset)])?;
            arrays.check_alike([("multipliers", *multiplier), ("shifts", *shift)])?;
            arrays.check_range("multiplier", read_i32(blob, *multiplier), &MULTIPLIERS)?;
            arrays.check_range("offset", read_i64(blob, *offset), &OFFSETS)?;
            arrays.check_range("shift", read_i32(blob, *shift), &FIXED_SHIFTS)
        }
        Some(Requantizer::Table { entries, tables, .. }) => arrays.check_tables(*entries, *tables),
        Some(Requantizer::Float32Add { bases, scales, offset, zero }) => {
            arrays.check_range("base", bases.to_vec(), &BASES)?;
            let finite = |bits: &u32| bits >> 23 & 0xff != 0xff; // that exponent means infinite or no number
            require(scales.iter().chain([offset]).all(finite), || {
                arrays.says("has a scale or an offset that is not finite")
            })?;
            arrays.check_range("zero", vec![*zero], &ADDENDS)
        }
    }
}

/// The arrays of one population in the binary part.
struct Arrays<'a> {
    population: &'a Population,
    blob: &'a [u8],
}

impl Arrays<'_> {
    fn says(&self, what: &str) -> String {
        format!("population '{}' {what}", self.population.name)
    }

    /// One number for all neurons, one per channel or one per neuron, of at most `widest` bytes each.
    fn check(&self, what: &str, range: Numbers, widest: u64) -> Check {
        let (channels, neurons) = (self.population.shape[2], self.population.num_neurons() as u64);
        let count = range.count;
        require([1, u64::from(channels), neurons].contains(&count), || {
            self.says(&format!("has {count} {what}, expected 1, {channels} or {neurons}"))
        })?;
        self.check_inside(what, range, widest)
    }

    fn check_inside(&self, what: &str, range: Numbers, widest: u64) -> Check {
        check_numbers(self.blob, range, widest)
            .map_err(|wrong| Error::Invalid(self.says(&format!("has {} {what} {wrong}", range.count))))
    }

    fn check_alike(&self, arrays: [(&str, Numbers); 2]) -> Check {
        let [(a, first), (b, second)] = arrays;
        require(first.count == second.count, || {
            self.says(&format!("has {} {a} and {} {b}", first.count, second.count))
        })
    }

    fn check_range<T>(&self, what: &str, values: Vec<T>, range: &RangeInclusive<T>) -> Check
    where
        T: PartialOrd + std::fmt::Display,
    {
        let outside = values.into_iter().find(|value| !range.contains(value));
        outside.map_or(Ok(()), |value| {
            let (low, high) = (range.start(), range.end());
            require(false, || self.says(&format!("has {what} {value}, expected {low} to {high}")))
        })
    }

    /// Numbers of 32 bits within a range.
    fn check_i32(&self, what: &str, range: Numbers, values: &RangeInclusive<i32>) -> Check {
        self.check(&format!("{what} constants"), range, 4)?;
        self.check_range(what, read_i32(self.blob, range), values)
    }

    /// What a neuron starts from fits its register, and so does the last step of its ramp; of a slope that
    /// is added nobody knows the ramp.
    fn check_quartz(&self, quartz: &Quartz, register: Register) -> Check {
        let (low, high) = (register.low as i32, register.high as i32);
        self.check_i32("membrane", quartz.bias, &(low..=high))?;
        let slopes = match (quartz.readout, self.population.code) {
            (_, None) => 0..=0,
            (Readout::Set, Some(_)) => 1..=high,
            (Readout::Add, Some(_)) => low..=high,
        };
        self.check_i32("slope", quartz.slope, &slopes)?;
        let steepest = match quartz.readout {
            Readout::Set => read_i32(self.blob, quartz.slope).into_iter().fold(0, i32::max),
            Readout::Add => 0,
        };
        self.check_i32("threshold", quartz.threshold, &(low..=high - steepest))
    }

    fn check_integrate_fire(&self, model: &IntegrateFire, register: Register) -> Check {
        let (low, high) = (register.low as i32, register.high as i32);
        self.check_i32("membrane", model.start, &(low..=high))?;
        self.check_i32("bias", model.bias, &(low..=high))?;
        self.check_i32("threshold", model.threshold, &(1..=high))
    }

    fn check_levels(&self, values: Numbers) -> Check {
        let (count, neurons) = (values.count, self.population.num_neurons() as u64);
        require(count == neurons, || self.says(&format!("has {count} values, expected {neurons}")))?;
        let Some(SpikeCode::FirstSpike { levels, .. }) = self.population.code else { return Ok(()) };
        self.check_i32("value", values, &(0..=levels as i32))
    }

    fn check_tables(&self, entries: Numbers, tables: u32) -> Check {
        let channels = self.population.shape[2];
        require([1, channels].contains(&tables), || {
            self.says(&format!("has {tables} tables, expected 1 or {channels}"))
        })?;
        let whole = entries.count > 0 && entries.count.is_multiple_of(tables.into());
        require(whole, || self.says(&format!("has {} entries in {tables} tables", entries.count)))?;
        self.check_inside("entries", entries, 4)
    }
}
