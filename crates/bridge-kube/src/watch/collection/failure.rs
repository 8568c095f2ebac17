//! Why a list or a watch ended, and what that means for the next one.

use std::{io, time::Duration};

/// Why a list or a watch ended. Never holds a piece of what was read: that may be a credential.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot build the request")]
    Request(#[from] kube::core::request::Error),
    #[error("the API server refused or could not be reached")]
    Client(#[from] kube::Error),
    #[error("the stream broke")]
    Stream(#[from] io::Error),
    #[error("no answer within {:.1} s", .0.as_secs_f64())]
    Silence(Duration),
    #[error("the answer has an unexpected shape (line {}, column {})", .0.line(), .0.column())]
    Shape(serde_json::Error),
    #[error("the answer is no list: it has no version")]
    NoList,
    #[error("the server ended the watch: {code} {reason}")]
    Ended { code: u16, reason: String },
    #[error("the watch ended at once")]
    TooShort,
}

impl Failure {
    /// Whether the version that was watched from is of no use any more. After a broken connection it still is.
    pub(super) fn needs_list(&self) -> bool {
        match self {
            // Whatever cuts watches short may keep their events too: then only lists tell what there is.
            Self::TooShort | Self::Ended { .. } | Self::Shape(_) | Self::NoList | Self::Request(_) => true,
            // A server with too much to do is not given more.
            Self::Client(error) => matches!(error, kube::Error::Api(status) if status.code != 429),
            Self::Stream(_) | Self::Silence(_) => false,
        }
    }

    /// With its causes, for a log line.
    pub(super) fn text(&self) -> String {
        let cause: Option<&dyn std::error::Error> = match self {
            // Its Display says all, and its Debug form repeats it.
            Self::Client(kube::Error::Api(status)) => {
                return format!("the API server refused: {} {}", status.code, status.message);
            }
            Self::Client(error) => Some(error),
            Self::Stream(error) => Some(error),
            Self::Request(error) => Some(error),
            _ => None,
        };
        let mut text = self.to_string();
        let mut next = cause;
        while let Some(error) = next {
            let more = error.to_string();
            if !text.ends_with(&more) {
                text = format!("{text}: {more}");
            }
            next = error.source();
        }
        text
    }
}
