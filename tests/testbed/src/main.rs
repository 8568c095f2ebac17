//! `testbed up`: a hub, a spoke and all of Argo CD to play with.
fn main() {}
