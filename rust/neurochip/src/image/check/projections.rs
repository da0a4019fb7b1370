//! Projections: ends, weights, windows and indices.

use super::{Check, Error, MAX_LENGTH, check_numbers, require};
use crate::image::arrays::read_i32;
use crate::image::description::{
    Connector, Description, Model, Numbers, Population, Projection, SpikeCode, Window,
};
use crate::window::Axis;

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
    for (number, projection) in image.projections.iter().enumerate() {
        check_projection(image, projection, blob).map_err(|error| match error {
            Error::Invalid(message) => Error::Invalid(format!("projection {number} {message}")),
            other => other,
        })?;
    }
    Ok(())
}

fn check_projection(image: &Description, projection: &Projection, blob: &[u8]) -> Check {
    let (from, to, count) = (projection.source, projection.target, image.populations.len());
    require(from < to && (to as usize) < count, || {
        format!("goes from population {from} to {to}, expected ascending and below {count}")
    })?;
    let bits = projection.weight_bits;
    require([8, 16].contains(&bits), || format!("stores weights of {bits} bits, expected 8 or 16"))?;
    let [source, target] = image.ends(projection);
    require(source.code.is_some(), || format!("comes from '{}', which sends nothing", source.name))?;
    check_connector(&projection.connector, source, target, blob)?;
    match (&target.model, &projection.connector) {
        (Model::MaxPool, Connector::Pool { window }) => {
            let taps = window.num_taps();
            require(taps <= 15, || format!("takes the maximum of {taps} inputs, expected up to 15"))?;
            check_inputs(window, [source, target])
        }
        (Model::Quartz(_), connector) if source.is_trigger() => {
            require(*connector == Connector::Dense, || {
                format!("comes from trigger '{}' and is not dense", source.name)
            })
        }
        _ => Ok(()),
    }
}

/// Where zeros spike, a maximum that heard none would have to spike for nothing.
fn check_inputs(window: &Window, ends: [&Population; 2]) -> Check {
    let Some(SpikeCode::FirstSpike { zeros: true, .. }) = ends[1].code else { return Ok(()) };
    let axes = Axis::pair(window, ends.map(|population| population.shape));
    let heard = axes
        .iter()
        .zip(ends[1].shape)
        .all(|(axis, length)| (0..length).all(|target| axis.taps_into(target).next().is_some()));
    require(heard, || format!("leaves neurons of '{}' without an input, and zeros spike", ends[1].name))
}

fn check_connector(connector: &Connector, source: &Population, target: &Population, blob: &[u8]) -> Check {
    let [from, to] = [source.shape[2], target.shape[2]];
    match connector {
        Connector::Dense => Ok(()),
        Connector::Convolution { window, groups } => {
            let divides = *groups > 0 && from % groups == 0 && to % groups == 0;
            require(divides, || format!("has {groups} groups of {from} and {to} channels"))?;
            check_window(window)
        }
        Connector::Depthwise { window } | Connector::Pool { window } => {
            require(from == to, || format!("goes from {from} to {to} channels, expected as many"))?;
            check_window(window)
        }
        Connector::OneToOne { index: None } => {
            let [from, to] = [source.shape, target.shape];
            require(from == to, || format!("is one-to-one from shape {from:?} to {to:?} without an index"))
        }
        Connector::OneToOne { index: Some(index) } => check_index(*index, source, target, blob),
    }
}

fn check_index(index: Numbers, source: &Population, target: &Population, blob: &[u8]) -> Check {
    let (count, neurons) = (index.count, target.num_neurons() as u64);
    require(count == neurons, || format!("has an index of {count} entries, expected {neurons}"))?;
    check_numbers(blob, index, 4)
        .map_err(|wrong| Error::Invalid(format!("has an index of {count} entries {wrong}")))?;
    let sources = source.num_neurons() as i32;
    let outside = read_i32(blob, index).into_iter().find(|entry| !(-1..sources).contains(entry));
    outside.map_or(Ok(()), |entry| {
        require(false, || format!("has an index entry of {entry}, expected -1 to {}", sources - 1))
    })
}

fn check_window(window: &Window) -> Check {
    let Window { kernel, stride, pad, dilation } = window;
    for (what, lengths, lowest) in
        [("kernel", kernel, 1), ("stride", stride, 1), ("pad", pad, 0), ("dilation", dilation, 1)]
    {
        require(lengths.iter().all(|length| (lowest..=MAX_LENGTH).contains(length)), || {
            format!("has a {what} of {lengths:?}, expected {lowest} to {MAX_LENGTH}")
        })?;
    }
    let reach = [0, 1].map(|axis| u64::from(kernel[axis]) * u64::from(dilation[axis]));
    require(reach.iter().all(|&reach| reach <= MAX_LENGTH.into()), || {
        format!("has a kernel that reaches over {reach:?} positions, expected up to {MAX_LENGTH}")
    })
}
