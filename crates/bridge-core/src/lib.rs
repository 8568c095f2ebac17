//! The fleet of a GitOps Bridge hub as plain values: no I/O, nothing async.
