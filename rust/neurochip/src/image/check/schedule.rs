//! The schedule: nobody sends before it has received, nobody receives two codes or samples at once.

use super::{Check, integration, require};
use crate::image::description::{
    Connector, Description, Integration, Model, Population, Projection, SpikeCode,
};

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
                let steps = sources.iter().map(|source| source.steps()).max().unwrap_or(0);
                integration::check(image, blob, population, stem, steps)?;
            }
            Model::Quartz(_) => check_quartz(population, &sources)?,
            Model::IntegrateFire(_) => check_integrate_fire(population, &sources)?,
            Model::Constant { .. } => require(sources.is_empty(), || {
                format!("population '{}' is constant and has a source", population.name)
            })?,
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
    let streams = source.send_start + 1 == population.send_start && source.code == population.code;
    require(streams, || {
        format!("max pool '{name}' does not send what '{}' sends, one timestep later", source.name)
    })
}

fn check_stem(population: &Population, sources: &[&Population]) -> Check {
    let name = &population.name;
    require(!sources.is_empty(), || format!("population '{name}' has no source"))?;
    for source in sources {
        let bits = matches!(source.code, Some(SpikeCode::Binary { .. }));
        require(bits, || format!("population '{name}' receives '{}', which sends no bits", source.name))?;
        let (stop, start) = (source.send_stop(), population.send_start);
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
/// next may arrive before it has sent its last bit. A double membrane takes the second buffer. A Quartz
/// neuron is updated in every timestep of both windows, and where it may fire before its sources are done it
/// is in both at once; an integrate-and-fire neuron has but its membrane.
fn check_period(image: &Description, population: &Population, sources: &[&Population]) -> Check {
    let Population { name, send_start, model, .. } = population;
    let (period, buffers) = (image.period, buffers_of(image, model));
    let first = sources.iter().map(|source| source.send_start).min().unwrap_or(*send_start);
    let (receives, sends) = (send_start - first, population.steps().max(1)); // reading takes a timestep
    let updates = receives + sends - 1;
    let mut heard = sources.iter().filter(|source| !source.is_trigger());
    let separate = heard.all(|source| source.send_stop() <= *send_start);
    let shortest = match model {
        Model::Input { .. } | Model::MaxPool | Model::Constant { .. } => {
            // They hold nothing but what they are sending.
            return require(period >= sends, || {
                format!("a sample enters every {period} timesteps, but '{name}' sends it for {sends}")
            });
        }
        Model::Stem(_) | Model::Quartz(_) if buffers > 1 && separate => receives.max(sends),
        Model::Quartz(_) | Model::IntegrateFire(_) => updates,
        Model::Stem(_) => receives + sends,
    };
    require(period >= shortest, || {
        format!(
            "a sample enters every {period} timesteps, but '{name}' receives it for {receives} and sends it \
             for {sends}: with room for {buffers} of them it takes one every {shortest}"
        )
    })
}

/// Samples that a neuron can hold at once.
fn buffers_of(image: &Description, model: &Model) -> u32 {
    match model {
        Model::Stem(stem) if stem.integration == Integration::Double => 1,
        _ => image.chip.core.buffers,
    }
}

/// All sources end together; then a readout arrives, and with the last timestep a rectifier if zeros spike.
fn check_quartz(population: &Population, sources: &[&Population]) -> Check {
    let name = &population.name;
    let (triggers, sources): (Vec<&Population>, Vec<&Population>) =
        sources.iter().partition(|source| source.is_trigger());
    require(!sources.is_empty(), || format!("population '{name}' has no source"))?;
    let readout = sources[0].send_stop();
    for source in &sources {
        let first = matches!(source.code, Some(SpikeCode::FirstSpike { .. }));
        require(first, || {
            format!("population '{name}' receives '{}', which sends no first spikes", source.name)
        })?;
        let (stop, source) = (source.send_stop(), &source.name);
        require(stop == readout, || {
            format!("population '{name}' is read out in timestep {readout}, '{source}' sends until {stop}")
        })?;
    }
    check_opening(population, &sources, readout)?;
    let mut expected = vec![readout];
    if let Some(SpikeCode::FirstSpike { zeros: true, .. }) = population.code {
        expected.push(population.send_stop() - 1);
    }
    let mut found: Vec<u32> = triggers.iter().map(|trigger| trigger.send_stop()).collect();
    found.sort_unstable();
    require(found == expected, || {
        format!(
            "population '{name}' is triggered in timesteps {found:?}, expected one spike in each of {expected:?}"
        )
    })
}

/// A Quartz neuron may fire from the readout on, or as soon as a spike can have arrived.
fn check_opening(population: &Population, sources: &[&Population], readout: u32) -> Check {
    let (name, start, stop) = (&population.name, population.send_start, population.send_stop());
    let heard = sources.iter().map(|source| source.send_start + 1).min().unwrap_or(readout);
    let earliest = if population.code.is_some() { heard } else { readout };
    require((earliest..=readout).contains(&start), || {
        format!(
            "population '{name}' is read out in timestep {readout} and sends from {start} on, expected from \
             {earliest} at the earliest and {readout} at the latest"
        )
    })?;
    require(population.code.is_none() || stop > readout, || {
        format!("population '{name}' is read out in timestep {readout}, and sends until {stop}")
    })
}

/// What is sent within a window arrives within the next one.
fn check_integrate_fire(population: &Population, sources: &[&Population]) -> Check {
    let name = &population.name;
    require(!sources.is_empty(), || format!("population '{name}' has no source"))?;
    for source in sources {
        let rate = matches!(source.code, Some(SpikeCode::Rate { .. }));
        require(rate, || format!("population '{name}' receives '{}', which sends no rate", source.name))?;
        let stop = if population.code.is_some() { population.send_stop() - 1 } else { population.send_start };
        require(source.send_start < population.send_start && source.send_stop() <= stop, || {
            let (source, sent) = (&source.name, source.send_stop());
            format!("population '{name}' updates until timestep {stop}, '{source}' sends until {sent}")
        })?;
    }
    Ok(())
}

/// What spikes of a timestep weigh: sources that agree in it may be summed.
fn code(source: &Population) -> (u32, Option<SpikeCode>) {
    (source.send_start, source.code)
}

fn apart(a: &Population, b: &Population) -> bool {
    a.send_stop() <= b.send_start || b.send_stop() <= a.send_start
}
