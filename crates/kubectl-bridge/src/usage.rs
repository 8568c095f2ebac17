//! Words that clap took and that still make no sense.

/// The command line cannot be meant: exit code 2, with a pointer to the help of the command.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
}

impl UsageError {
    /// A usage error that says what is wrong and what would be right.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// A usage error as the result of a function.
pub fn usage<T>(message: impl Into<String>) -> anyhow::Result<T> {
    Err(UsageError::new(message).into())
}
