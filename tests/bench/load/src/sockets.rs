//! Many sockets at once: how fast they come, and what each takes.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};

use tokio::time::sleep;

use crate::{
    client::Client,
    programs::{Programs, Running},
    report::{Error, Target},
};

/// A process may have 20,000 descriptors on many machines, and clients and gateway are a process each.
const SOCKETS: usize = 18_000;

const CONNECTING_AT_ONCE: usize = 100;

/// Descriptors that the second process of the function takes, and connections of functions.
const OF_FUNCTIONS: usize = 12;

/// How long the gateway may take to close its side.
const PATIENCE: Duration = Duration::from_secs(20);

/// The memory that a socket may take, in bytes.
const PER_SOCKET: f64 = 8.0 * 1024.0;

#[allow(clippy::cast_precision_loss)]
pub(crate) async fn measure(programs: &Programs) -> Result<Vec<Target>, Error> {
    raise_file_limit()?;
    let gateway = programs.gateway(&["--concurrency", "2"]).await?;
    let descriptors = gateway.descriptors()?;
    // What the first ones make it allocate is not for them alone.
    close(
        open(&gateway.url, CONNECTING_AT_ONCE).await?,
        &gateway,
        descriptors,
    )
    .await?;
    let memory = gateway.memory()?;

    let started = Instant::now();
    let clients = open(&gateway.url, SOCKETS).await?;
    let took = started.elapsed().as_secs_f64();
    let quiet = (gateway.memory()? - memory) / SOCKETS as f64;
    let held = gateway.descriptors()? - descriptors;
    if held < SOCKETS {
        return Err(format!("the gateway holds {held} sockets of {SOCKETS}").into());
    }
    let mut used = Vec::new();
    for mut client in clients {
        client.trip().await?;
        used.push(client);
    }
    let spoken = (gateway.memory()? - memory) / SOCKETS as f64;
    println!(
        "{SOCKETS} sockets: {:.0} connects a second; each takes {quiet:.0} bytes of the gateway's memory, and {spoken:.0} \
         after a message there and back",
        SOCKETS as f64 / took
    );
    close(used, &gateway, descriptors).await?;
    let summary = gateway.stop().await?;
    let expected = format!(
        "{} connected, 0 refused; {SOCKETS} messages in, {SOCKETS} out",
        SOCKETS + CONNECTING_AT_ONCE
    );
    if !summary.lines().any(|line| line == expected) {
        return Err(format!("the gateway did not count {expected}").into());
    }
    Ok(vec![Target::new(
        "memory of a socket that has spoken, KiB",
        quiet.max(spoken) / 1024.0,
        PER_SOCKET / 1024.0,
    )])
}

async fn open(url: &str, sockets: usize) -> Result<Vec<Client>, Error> {
    let connecting = stream::iter(0..sockets).map(|name| Client::connect(url, name));
    connecting
        .buffer_unordered(CONNECTING_AT_ONCE)
        .try_collect()
        .await
}

/// Closes the sockets, and waits until the gateway has, too.
async fn close(clients: Vec<Client>, gateway: &Running, descriptors: usize) -> Result<(), Error> {
    let closing = stream::iter(clients).map(Client::close);
    let (): () = closing.buffer_unordered(CONNECTING_AT_ONCE).try_collect().await?;
    let deadline = Instant::now() + PATIENCE;
    while gateway.descriptors()? > descriptors + OF_FUNCTIONS {
        if Instant::now() > deadline {
            return Err(format!(
                "the gateway still has {} descriptors, {descriptors} before",
                gateway.descriptors()?
            )
            .into());
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn raise_file_limit() -> Result<(), Error> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit)?;
    match maximum {
        Some(files) if files < SOCKETS as u64 + 100 => {
            Err(format!("a process may have {files} files here; raise the hard limit (ulimit -Hn)").into())
        }
        _ => Ok(()),
    }
}
