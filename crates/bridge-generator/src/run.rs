//! The program: builds the parts, runs them, and ends them in order.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use bridge_kube::{
    ConnectionFlags, connect,
    watch::{FleetView, Namespaces, Pace, Restarts, follow_application_sets, follow_fleet, follow_folder},
};
use kube::Client;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinError, JoinSet},
    time::sleep,
};
use tracing::info;

use crate::{admin, args::Args, push::Pusher, routes, server, service::Service, tokens::Tokens};

/// Serves until SIGTERM or Ctrl-C.
pub async fn run(args: Args) -> Result<()> {
    let Args {
        kubeconfig,
        context,
        namespace,
        applicationset_namespaces,
        config_map,
        listen,
        admin_listen,
        token_file,
        max_staleness,
        shutdown_delay,
        no_push,
        hub_dir,
        // Used before there is a runtime.
        log_format: _,
    } = args;
    let tokens = Arc::new(Tokens::from_file(&token_file)?);
    let mut parts = Parts::default();
    let service = if let Some(dir) = hub_dir {
        let view = parts.follow_folder(&dir);
        Arc::new(Service::new(view, Arc::clone(&tokens), max_staleness))
    } else {
        let namespaces = Namespaces::new(&namespace, &applicationset_namespaces)?;
        let pace = Pace::for_staleness(max_staleness);
        let client = connect_to_hub(kubeconfig, context).await?;
        let view = parts.follow_hub(client.clone(), &namespace, pace);
        let service = Arc::new(Service::new(view, Arc::clone(&tokens), max_staleness));
        let pusher = Pusher::new(client.clone(), config_map, &service, !no_push);
        parts.push(pusher, &client, &namespaces, pace);
        service
    };
    let failures = service.metrics.token_failures.clone();
    parts.tasks.spawn(tokens.follow(failures));

    let admin = admin::router(Arc::clone(&service), std::mem::take(&mut parts.restarts));
    let admin_listener = bind(admin_listen, "--admin-listen").await?;
    parts
        .tasks
        .spawn(server::serve(admin_listener, admin, std::future::pending()));
    let listener = bind(listen, "--listen").await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(server::serve(
        listener,
        routes::router(Arc::clone(&service)),
        async {
            drop(stopped.await);
        },
    ));

    tokio::select! {
        signal = signal() => info!(signal = signal?, "ending"),
        ended = parts.tasks.join_next() => bail!("a part of the service ended: {}", reason(ended)),
        ended = &mut serving => bail!("the server ended: {}", reason(Some(ended))),
    }
    service.end();
    // Not ready any more, but still answering, until the Service has noticed. A second signal ends the wait.
    tokio::select! {
        () = sleep(shutdown_delay) => {}
        again = signal() => drop(again),
    }
    drop(stop);
    serving.await.context("the server broke while it ended")?;
    info!("ended");
    Ok(())
}

/// What runs beside the server, and what there is to count in it.
#[derive(Default)]
struct Parts {
    tasks: JoinSet<()>,
    restarts: Vec<(&'static str, Restarts)>,
}

impl Parts {
    fn follow_folder(&mut self, dir: &Path) -> FleetView {
        info!(folder = %dir.display(), version = env!("CARGO_PKG_VERSION"), "serving a folder hub");
        let (view, follow) = follow_folder(dir);
        self.tasks.spawn(follow);
        view
    }

    fn follow_hub(&mut self, client: Client, namespace: &str, pace: Pace) -> FleetView {
        let (view, restarts, follow) = follow_fleet(client, namespace, pace);
        self.restarts.push(("clusters", restarts));
        self.tasks.spawn(follow);
        view
    }

    fn push(&mut self, pusher: Pusher, client: &Client, namespaces: &Namespaces, pace: Pace) {
        let (events, restarts, follow) = follow_application_sets(client, namespaces, pace);
        self.restarts.push(("applicationsets", restarts));
        self.tasks.spawn(follow);
        self.tasks.spawn(pusher.run(events));
    }
}

async fn connect_to_hub(kubeconfig: Option<PathBuf>, context: Option<String>) -> Result<Client> {
    let flags = ConnectionFlags {
        kubeconfig,
        context,
        user_agent: concat!("bridge-generator/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..ConnectionFlags::default()
    };
    let (client, target) = connect(&flags).await.context("cannot connect to the hub")?;
    info!(
        server = target.server,
        version = env!("CARGO_PKG_VERSION"),
        "serving a live hub"
    );
    Ok(client)
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    let listener = server::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} ({flag})"))?;
    info!(address = %listener.local_addr()?, flag, "listening");
    Ok(listener)
}

fn reason(ended: Option<Result<(), JoinError>>) -> String {
    match ended {
        Some(Err(error)) => error.to_string(),
        Some(Ok(())) | None => "it had nothing more to do".to_owned(),
    }
}

/// Waits for SIGTERM (the kubelet) or Ctrl-C (a person).
#[cfg(unix)]
async fn signal() -> Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        pressed = tokio::signal::ctrl_c() => pressed.context("cannot listen for Ctrl-C").map(|()| "SIGINT"),
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn signal() -> Result<&'static str> {
    tokio::signal::ctrl_c()
        .await
        .context("cannot listen for Ctrl-C")
        .map(|()| "Ctrl-C")
}
