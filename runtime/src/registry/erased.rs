//! Registries behind a pointer: `async fn` in a trait has no `dyn` form of its own.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

use super::{Connection, ConnectionPage, PageToken, Registry, RegistryError};
use crate::id::ConnectionId;
use crate::id::RoomId;

/// A [`Registry`] whose futures are boxed.
pub(crate) trait ErasedRegistry: Debug + Send + Sync {
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>>;
    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>>;
    fn renew<'a>(&'a self, renewed: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>>;
    fn forget<'a>(&'a self, seen: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>>;
    fn members<'a>(
        &'a self,
        room: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<ConnectionPage, RegistryError>>;
}

impl<R: Registry> ErasedRegistry for R {
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(Registry::record(self, connection))
    }

    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>> {
        Box::pin(Registry::find(self, id))
    }

    fn renew<'a>(&'a self, renewed: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        Box::pin(Registry::renew(self, renewed))
    }

    fn forget<'a>(&'a self, seen: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        Box::pin(Registry::forget(self, seen))
    }

    fn members<'a>(
        &'a self,
        room: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<ConnectionPage, RegistryError>> {
        Box::pin(Registry::members(self, room, from))
    }
}
