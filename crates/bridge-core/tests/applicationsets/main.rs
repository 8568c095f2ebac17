//! ApplicationSets as they are in the field: what is read of them, and what changes of clusters do to them.

#[cfg(test)]
mod effect;
#[cfg(test)]
mod files;
#[cfg(test)]
mod fingerprint;
#[cfg(test)]
mod membership;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod reads;
