//! Instruction sets: for which of them the loops over neurons and weights are compiled, and which one runs.
//!
//! Results are the same bits with any of them.

use pulp::WithSimd;
use thiserror::Error;

/// What the loops may use; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// What every machine of the architecture has: of x86-64, SSE2.
    Baseline,
    /// AVX2 and FMA (x86-64-v3).
    Avx2,
    /// AVX-512 (x86-64-v4), and VNNI where the machine has it.
    Avx512,
}

/// A word that names no instruction set.
#[derive(Debug, Error)]
#[error("'{word}' names no instruction set, expected baseline, avx2 or avx512")]
pub struct Unknown {
    word: String,
}

impl Instructions {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];

    /// The widest that this machine has.
    pub fn widest() -> Self {
        Self::ALL.into_iter().rev().find(|instructions| instructions.exist()).unwrap_or(Self::Baseline)
    }

    /// The one that a word asks for, or the widest below it that the machine has.
    ///
    /// # Errors
    /// Another word than [`Instructions::name`] of one of them.
    pub fn asked_for(word: &str) -> Result<Self, Unknown> {
        let named = Self::ALL.into_iter().find(|instructions| instructions.name() == word);
        named.map(|named| named.min(Self::widest())).ok_or_else(|| Unknown { word: word.to_owned() })
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    fn exist(self) -> bool {
        match self {
            Self::Baseline => true,
            Self::Avx2 => pulp::x86::V3::is_available(),
            Self::Avx512 => pulp::x86::V4::is_available(),
        }
    }

    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    fn exist(self) -> bool {
        self == Self::Baseline
    }

    /// Runs what was compiled for them.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    #[inline(always)]
    pub(crate) fn dispatch<Op: WithSimd>(self, op: Op) -> Op::Output {
        let arch = match self {
            Self::Baseline => pulp::Arch::Scalar,
            Self::Avx2 => pulp::x86::V3::try_new().map_or(pulp::Arch::Scalar, pulp::Arch::V3),
            Self::Avx512 => pulp::x86::V4::try_new().map_or(pulp::Arch::Scalar, pulp::Arch::V4),
        };
        arch.dispatch(op)
    }

    /// Runs what was compiled for them.
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    #[inline(always)]
    pub(crate) fn dispatch<Op: WithSimd>(self, op: Op) -> Op::Output {
        pulp::Arch::new().dispatch(op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_never_asked_for_more_than_it_has() {
        for asked in Instructions::ALL {
            let chosen = Instructions::asked_for(asked.name()).unwrap();
            assert!(chosen.exist());
            assert_eq!(chosen, asked.min(Instructions::widest()));
        }
    }

    #[test]
    fn another_word_is_refused_with_those_that_there_are() {
        let refused = Instructions::asked_for("sse9").unwrap_err();
        assert_eq!(refused.to_string(), "'sse9' names no instruction set, expected baseline, avx2 or avx512");
    }
}
