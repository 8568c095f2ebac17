//! The service inside another program, on a folder hub.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bridge_kube::watch::{State, follow_folder};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::JoinSet,
    time::{error::Elapsed, timeout},
};

use crate::{routes, server, service::Service, tokens::Tokens};

/// A folder is looked at several times a second; with this much silence something is wrong.
const MAX_STALENESS: Duration = Duration::from_secs(10);

/// A service that runs. It ends when this is dropped.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    service: Arc<Service>,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<()>,
}

/// Serves a folder hub on a listener, for callers with this token.
///
/// # Errors
/// When the listener has no address.
pub fn serve_folder(dir: &Path, listener: TcpListener, token: &str) -> io::Result<Serving> {
    let address = listener.local_addr()?;
    let (view, follow) = follow_folder(dir);
    let service = Arc::new(Service::new(view, Arc::new(Tokens::single(token)), MAX_STALENESS));
    let (stop, stopped) = oneshot::channel();
    let router = routes::router(Arc::clone(&service));
    let mut tasks = JoinSet::new();
    tasks.spawn(follow);
    tasks.spawn(server::serve(listener, router, async {
        drop(stopped.await);
    }));
    Ok(Serving {
        address,
        service,
        stop,
        tasks,
    })
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What Argo CD would have as `baseUrl`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the folder has been read.
    ///
    /// # Errors
    /// When it has not been after `limit`: it cannot be read, or holds no cluster Secret.
    pub async fn ready(&self, limit: Duration) -> Result<(), Elapsed> {
        let mut view = self.service.view.clone();
        timeout(limit, async {
            while !matches!(view.state(), State::Ready(_)) {
                if view.changed().await.is_none() {
                    std::future::pending::<()>().await;
                }
            }
        })
        .await
    }

    /// Answers what it is answering and ends.
    pub async fn stop(mut self) {
        self.service.end();
        // A server that is gone already needs no telling.
        let _ = self.stop.send(());
        // The follower never ends by itself; the server does now.
        self.tasks.join_next().await;
    }
}
