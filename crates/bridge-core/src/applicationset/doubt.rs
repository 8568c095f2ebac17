//! Why it cannot be known what an ApplicationSet makes of a cluster.

use std::fmt;

/// A reason for `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A selector or an input that another generator of the matrix fills in.
    Templated,
    /// A selector that Argo CD cannot read either.
    Selector,
    /// Input of a plugin generator that is not a question to `bridge-generator`.
    Input,
    /// A generator that looks elsewhere.
    Elsewhere(&'static str),
    /// A post-filter on a parameter that is not known here.
    Filter,
    /// Clusters times clusters.
    Pairs,
    /// Argo CD refuses the generator.
    Invalid(&'static str),
    /// Where its Applications go is not said by the cluster.
    Destination,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Templated => f.write_str("what it selects is filled in from another generator"),
            Self::Selector => f.write_str("its cluster selector cannot be read"),
            Self::Input => f.write_str("the input of its plugin generator is not a question for clusters"),
            Self::Elsewhere(kind) => {
                let article = if kind.starts_with('o') { "an" } else { "a" };
                write!(f, "what it makes depends on {article} {kind} generator")
            }
            Self::Filter => {
                f.write_str("its generator selector looks at a parameter that is not known beforehand")
            }
            Self::Pairs => f.write_str("it pairs clusters with clusters in a matrix"),
            Self::Invalid(why) => write!(f, "Argo CD refuses it: {why}"),
            Self::Destination => {
                f.write_str("the destination of its Applications does not come from the cluster")
            }
        }
    }
}
