//! Threads and connections: one current-thread runtime for each core; a connection lives on one of them.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, LocalRuntime};
use tokio::sync::{mpsc, watch};

use super::handle::{Desk, answer};
use super::shop::Shop;
use crate::clock::{Duration, sleep};

/// Connections that may wait to be accepted: thousands of users can come in one instant.
const BACKLOG: u32 = 16_384;
/// Accepted connections on their way to a worker.
const HANDOVER: usize = 1024;
/// With no file descriptor left, accepting again at once would only burn the core.
const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// Listens on loopback, and nowhere else.
pub fn bind(port: u16) -> io::Result<TcpListener> {
    // On a thread of its own: the caller's may be inside a runtime already, and they do not nest.
    let bound = std::thread::scope(|scope| scope.spawn(|| runtime()?.block_on(listen(port))).join());
    bound.unwrap_or_else(|_| Err(io::Error::other("the thread that binds the port panicked")))
}

/// With tokio, because a listener of the standard library has room for 128 waiting connections only.
async fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    if cfg!(unix) {
        // Elsewhere this would let a second target take the same port.
        socket.set_reuseaddr(true)?;
    }
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)?.into_std()
}

/// Starts the workers, then the thread that accepts connections and deals them out in turn.
/// One acceptor spreads them evenly; `SO_REUSEPORT` would also let a second target take half of them unseen.
pub fn spawn(
    listener: TcpListener,
    shop: &Arc<Shop>,
    workers: usize,
    stopped: &watch::Receiver<bool>,
    threads: &mut Vec<JoinHandle<()>>,
) -> io::Result<()> {
    let mut hands = Vec::with_capacity(workers);
    for worker in 0..workers {
        let (hand, connections) = mpsc::channel(HANDOVER);
        hands.push(hand);
        let shop = Arc::clone(shop);
        threads.push(thread(format!("demo-{worker}"), stopped, move || work(connections, Desk { shop, worker }))?);
    }
    threads.push(thread("demo-accept".to_owned(), stopped, move || accept(listener, hands))?);
    Ok(())
}

/// A named thread with a runtime of its own that runs the future until it ends or `stopped` says so.
fn thread<F: Future<Output = ()>>(
    name: String,
    stopped: &watch::Receiver<bool>,
    future: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let mut stopped = stopped.clone();
    std::thread::Builder::new().name(name).spawn(move || {
        let Ok(runtime) = runtime() else { return };
        runtime.block_on(async {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => {}
                () = future() => {}
            }
        });
    })
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread().enable_all().build_local(Default::default())
}

async fn accept(listener: TcpListener, hands: Vec<mpsc::Sender<TcpStream>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    for hand in hands.iter().cycle() {
        let stream = loop {
            match listener.accept().await.and_then(|(stream, _)| stream.into_std()) {
                Ok(stream) => break stream,
                Err(_) => sleep(ACCEPT_RETRY).await,
            }
        };
        // A worker only ends with the whole target; then nobody waits for this connection.
        let _ = hand.send(stream).await;
    }
}

async fn work(mut connections: mpsc::Receiver<TcpStream>, desk: Desk) {
    let desk = Rc::new(desk);
    while let Some(stream) = connections.recv().await {
        tokio::task::spawn_local(converse(stream, Rc::clone(&desk)));
    }
}

/// One connection, for as long as the client keeps it.
async fn converse(stream: TcpStream, desk: Rc<Desk>) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    // Without it answers may wait for the client's acknowledgement; where it cannot be set they are only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let desk = Rc::clone(&desk);
        async move { Ok::<_, Infallible>(answer(&desk, request).await) }
    });
    // A client that breaks off or talks nonsense is its own affair: the connection ends, the target goes on.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
