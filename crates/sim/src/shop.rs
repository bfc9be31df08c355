//! The simulated shop's web server: the built demo storefront, with the collector's address put into its pages and a strict
//! Content-Security-Policy around them.

mod headers;
mod pages;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower_http::services::ServeDir;

use crate::Origin;

/// A browser that does not finish reading is not waited for longer than this when the shop closes.
const GRACE: Duration = Duration::from_secs(3);

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the built storefront.
    pub dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The collector that the pages talk to.
    pub collector: Origin,
}

/// Why a shop could not open, or broke.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The storefront is not there.
    #[error("there is no storefront in {0}: run `cargo xtask build`, or name its folder with --dir")]
    NoStorefront(PathBuf),
    /// Somebody else listens there.
    #[error("{0} is taken: stop the program that listens there, or choose another address with --listen")]
    Taken(SocketAddr),
    /// The address cannot be listened at.
    #[error("cannot listen at {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The server broke while it ran.
    #[error("the shop's server broke: {0}")]
    Broken(io::Error),
}

/// A shop that is open.
#[derive(Debug)]
pub struct Shop {
    address: SocketAddr,
    server: JoinHandle<io::Result<()>>,
}

impl Shop {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has closed.
    ///
    /// # Errors
    /// [`ShopError::Broken`].
    pub async fn closed(self) -> Result<(), ShopError> {
        self.server.await.unwrap_or_else(|panic| Err(io::Error::other(panic))).map_err(ShopError::Broken)
    }
}

/// Opens a shop, which closes when `until` comes to pass. It serves as soon as this returns.
///
/// # Errors
/// [`ShopError::NoStorefront`], [`ShopError::Taken`], [`ShopError::Listen`].
pub async fn serve(options: Options, until: impl Future<Output = ()> + Send + 'static) -> Result<Shop, ShopError> {
    if !options.dir.join("index.html").is_file() {
        return Err(ShopError::NoStorefront(options.dir));
    }
    let listener = TcpListener::bind(options.listen).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ShopError::Taken(options.listen),
        _ => ShopError::Listen(options.listen, error),
    })?;
    let address = listener.local_addr().map_err(|error| ShopError::Listen(options.listen, error))?;
    let (closing, closes) = oneshot::channel();
    let server = axum::serve(listener, router(&options)).with_graceful_shutdown(async move {
        until.await;
        let _ = closing.send(());
    });
    let server = tokio::spawn(async move {
        tokio::select! {
            ended = server => ended,
            () = async { if closes.await.is_ok() { tokio::time::sleep(GRACE).await } } => Ok(()),
        }
    });
    Ok(Shop { address, server })
}

fn router(options: &Options) -> Router {
    let missing = || async { (StatusCode::NOT_FOUND, "There is no such page in this shop.\n") };
    let files = ServeDir::new(&options.dir).fallback(Router::new().fallback(missing));
    let router = Router::new().fallback_service(files);
    headers::around(pages::around(router, &options.collector), &options.collector)
}

#[cfg(test)]
mod tests;
