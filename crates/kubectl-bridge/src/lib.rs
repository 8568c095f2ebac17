//! kubectl plugin for the GitOps Bridge pattern: registers spokes and edits their addons.
