//! The schedule: nobody sends before it has received, nobody receives two codes at once.

use super::{Check, integration, require};
use crate::image::description::{Connector, Description, Model, Population, Projection};

pub(super) fn check(image: &Description, blob: &[u8]) -> Check {
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

/// What spikes of a timestep weigh: sources that agree in it may be summed.
fn code(source: &Population) -> (u32, u32, bool) {
    (source.send_start, source.bits, source.signed)
}

fn apart(a: &Population, b: &Population) -> bool {
    a.send_start + a.bits <= b.send_start || b.send_start + b.bits <= a.send_start
}
