//! Registries behind a pointer: `async fn` in a trait has no `dyn` form of its own.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

use super::{
    Connection, Page, PageToken, Registry, RegistryError, Revocation, Revocations, RoomMember, SingleUse,
    Trace, UserConnection, Written,
};
use crate::id::ConnectionId;
use crate::id::RoomId;

/// The future of a call.
type Call<'a, T> = BoxFuture<'a, Result<T, RegistryError>>;

/// A [`Registry`] whose futures are boxed.
pub(crate) trait ErasedRegistry: Debug + Send + Sync {
    fn record<'a>(&'a self, connection: &'a Connection, token: Option<&'a SingleUse>) -> Call<'a, Written>;
    fn find<'a>(&'a self, id: &'a ConnectionId) -> Call<'a, Option<Connection>>;
    fn update<'a>(
        &'a self,
        seen: &'a Connection,
        next: &'a Connection,
        token: Option<&'a SingleUse>,
    ) -> Call<'a, Written>;
    fn forget<'a>(&'a self, seen: &'a Connection) -> Call<'a, bool>;
    fn members<'a>(&'a self, room: &'a RoomId, from: Option<&'a PageToken>) -> Call<'a, Page<RoomMember>>;
    fn connections_of<'a>(
        &'a self,
        user: &'a str,
        from: Option<&'a PageToken>,
    ) -> Call<'a, Page<UserConnection>>;
    fn sweep<'a>(&'a self, trace: Trace<'a>) -> Call<'a, ()>;
    fn revoke<'a>(&'a self, revocation: &'a Revocation) -> Call<'a, ()>;
    fn revocations<'a>(&'a self, user: Option<&'a str>, token_id: Option<&'a str>) -> Call<'a, Revocations>;
}

impl<R: Registry> ErasedRegistry for R {
    fn record<'a>(&'a self, connection: &'a Connection, token: Option<&'a SingleUse>) -> Call<'a, Written> {
        Box::pin(Registry::record(self, connection, token))
    }

    fn find<'a>(&'a self, id: &'a ConnectionId) -> Call<'a, Option<Connection>> {
        Box::pin(Registry::find(self, id))
    }

    fn update<'a>(
        &'a self,
        seen: &'a Connection,
        next: &'a Connection,
        token: Option<&'a SingleUse>,
    ) -> Call<'a, Written> {
        Box::pin(Registry::update(self, seen, next, token))
    }

    fn forget<'a>(&'a self, seen: &'a Connection) -> Call<'a, bool> {
        Box::pin(Registry::forget(self, seen))
    }

    fn members<'a>(&'a self, room: &'a RoomId, from: Option<&'a PageToken>) -> Call<'a, Page<RoomMember>> {
        Box::pin(Registry::members(self, room, from))
    }

    fn connections_of<'a>(
        &'a self,
        user: &'a str,
        from: Option<&'a PageToken>,
    ) -> Call<'a, Page<UserConnection>> {
        Box::pin(Registry::connections_of(self, user, from))
    }

    fn sweep<'a>(&'a self, trace: Trace<'a>) -> Call<'a, ()> {
        Box::pin(Registry::sweep(self, trace))
    }

    fn revoke<'a>(&'a self, revocation: &'a Revocation) -> Call<'a, ()> {
        Box::pin(Registry::revoke(self, revocation))
    }

    fn revocations<'a>(&'a self, user: Option<&'a str>, token_id: Option<&'a str>) -> Call<'a, Revocations> {
        Box::pin(Registry::revocations(self, user, token_id))
    }
}
