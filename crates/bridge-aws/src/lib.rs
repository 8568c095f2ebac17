//! What AWS knows about the clusters of a GitOps Bridge.
