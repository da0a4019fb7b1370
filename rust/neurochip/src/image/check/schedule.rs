//! The schedule: nobody sends before it has received, nobody receives two codes or samples at once.

use super::{Check, integration, require};
use crate::image::description::{Connector, Description, Integration, Model, Population, Projection};

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
    let (period, timesteps) = (image.period, image.timesteps);
    require((1..=timesteps).contains(&period), || {
        format!("a sample enters every {period} timesteps, expected 1 to {timesteps}")
    })?;
    for (number, population) in image.populations.iter().enumerate() {
        let incoming = || image.projections.iter().filter(|projection| projection.target as usize == number);
        let sources: Vec<&Population> = incoming().map(|projection| image.ends(projection)[0]).collect();
        match &population.model {
            Model::Input { .. } => {} // nothing comes before the first population
            Model::MaxPool => check_max_pool(population, &sources, &incoming().collect::<Vec<_>>())?,
            Model::Stem(stem) => {
                check_stem(population, &sources)?;
                let steps = sources.iter().map(|source| source.bits).max().unwrap_or(0);
                integration::check(image, blob, population, stem, steps)?;
            }
        }
        check_period(image, population, &sources)?;
    }
    Ok(())
}

fn check_max_pool(population: &Population, sources: &[&Population], incoming: &[&Projection]) -> Check {
    let name = &population.name;
    require(matches!(incoming, [Projection { connector: Connector::Pool { .. }, .. }]), || {
        format!("max pool '{name}' is not the target of one pool alone")
    })?;
    let source = sources[0];
    let streams = source.send_start + 1 == population.send_start
        && (source.bits, source.signed) == (population.bits, population.signed);
    require(streams, || {
        format!("max pool '{name}' does not send what '{}' sends, one timestep later", source.name)
    })
}

fn check_stem(population: &Population, sources: &[&Population]) -> Check {
    let name = &population.name;
    require(!sources.is_empty(), || format!("population '{name}' has no source"))?;
    for source in sources {
        let (stop, start) = (source.send_start + source.bits, population.send_start);
        require(stop <= start, || {
            format!("population '{name}' sends from timestep {start} on, '{}' until {stop}", source.name)
        })?;
    }
    for (number, a) in sources.iter().enumerate() {
        for b in &sources[number + 1..] {
            require(code(a) == code(b) || apart(a, b), || {
                format!(
                    "population '{name}' receives '{}' and '{}' in one timestep, in different codes",
                    a.name, b.name
                )
            })?;
        }
    }
    Ok(())
}

/// A sample enters no sooner than every population can take it.
///
/// A neuron with two buffers sends one sample while it receives the next; with one, no spike of the
/// next may arrive before it has sent its last bit. A double membrane takes the second buffer.
fn check_period(image: &Description, population: &Population, sources: &[&Population]) -> Check {
    let Population { name, send_start, bits, model, .. } = population;
    let period = image.period;
    let Model::Stem(stem) = model else {
        // Inputs and maxima hold nothing but what they are sending.
        return require(period >= *bits, || {
            format!("a sample enters every {period} timesteps, but '{name}' sends it for {bits}")
        });
    };
    let first = sources.iter().map(|source| source.send_start).min().unwrap_or(*send_start);
    let buffers = if stem.integration == Integration::Double { 1 } else { image.chip.core.buffers };
    let (receives, sends) = (send_start - first, (*bits).max(1)); // reading a membrane takes a timestep
    let shortest = if buffers == 1 { receives + sends } else { receives.max(sends) };
    require(period >= shortest, || {
        format!(
            "a sample enters every {period} timesteps, but '{name}' receives it for {receives} and sends it \
             for {sends}: with room for {buffers} of them it takes one every {shortest}"
        )
    })
}

/// What spikes of a timestep weigh: sources that agree in it may be summed.
fn code(source: &Population) -> (u32, u32, bool) {
    (source.send_start, source.bits, source.signed)
}

fn apart(a: &Population, b: &Population) -> bool {
    a.send_start + a.bits <= b.send_start || b.send_start + b.bits <= a.send_start
}
