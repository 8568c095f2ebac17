//! Argo CD ApplicationSet plugin generator: serves the parameters of a GitOps Bridge fleet.
