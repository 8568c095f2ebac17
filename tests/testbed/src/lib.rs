//! Real hubs, spokes and Argo CD on loopback for the tests of kubectl-bridge.
