//! The backend: logs users in, issues tokens for the rooms that they may enter, and serves the page.
//!
//! A backend of your own usually has [`accounts`] and [`sessions`] already, and adds [`tokens`] and [`out`]. How log-ins are
//! limited is in [`attempts`] and [`passwords`], and what other pages are refused is in [`guard`].
//!
//! | endpoint | for | does |
//! | --- | --- | --- |
//! | `POST /api/login {"user","password"}` | everybody | opens a session |
//! | `GET /api/session`, `POST /api/logout` | users | tells whose session it is, and ends it |
//! | `POST /api/token {"room"}` | users | answers `{"token","url","expires_at"}` for a room that the user may enter |
//! | `POST /api/logout-everywhere` | users | ends all of the user's sessions and connections, and revokes all tokens; answers `{"ended","not_ended","is_complete"}` |
//! | `POST /api/put-out {"user"}` | moderators | does the same to another user, who gets no token from then on |
//! | `POST /api/let-in {"user"}` | moderators | takes that back |
//! | `GET /api/put-out` | moderators | answers `{"out","in"}`: who is put out, and who could be |
//!
//! The others are the page's own: `/api/key`, `/api/mode`, `/api/attacks`, `/api/events`, `/api/gateway/restart`.

pub(crate) mod accounts;
mod api;
mod assets;
mod attempts;
mod devices;
mod guard;
mod out;
mod passwords;
mod provider;
mod reply;
mod sessions;
mod standings;
mod state;
mod tokens;
mod user;

use std::{net::SocketAddr, sync::Arc};

use tokio::net::TcpListener;

pub(crate) use state::Backend;

impl Backend {
    /// Serves until `stopping` is cancelled.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let stopping = self.stopping.clone();
        let router = api::router(Arc::new(self));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, service).with_graceful_shutdown(stopping.cancelled_owned());
        // It never fails: accepting is tried again.
        let _ = server.await;
    }
}
