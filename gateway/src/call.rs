//! One call of a function, with a limit for its time, and in the journal.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    function::{FunctionPool, Outcome},
    journal::{Content, Journal},
};

pub(crate) struct Call<'a> {
    /// The route, or `None` for the authorizer.
    pub(crate) route: Option<Arc<str>>,
    /// Whether a person sends an earlier event once more.
    pub(crate) is_resent: bool,
    pub(crate) function: &'a FunctionPool,
    pub(crate) connection_id: &'a Arc<str>,
    pub(crate) request_id: &'a Arc<str>,
    pub(crate) event: Bytes,
    /// How long the caller waits.
    pub(crate) limit: Duration,
}

impl Call<'_> {
    /// Returns what the call has led to, or `None` after the limit, and how long that took.
    pub(crate) async fn run(self, journal: &Journal) -> (Option<Outcome>, Duration) {
        let Self {
            route,
            is_resent,
            function,
            connection_id,
            request_id,
            event,
            limit,
        } = self;
        journal.note(connection_id, || Content::Invoked {
            route,
            is_resent,
            function: function.shared_name(),
            request_id: request_id.clone(),
            event: event.clone(),
        });
        let started = Instant::now();
        let invoked = function.invoke_as(request_id.to_string(), event);
        let outcome = tokio::time::timeout(limit, invoked).await.ok();
        let took = started.elapsed();
        journal.note(connection_id, || {
            Content::answered(function.shared_name(), request_id.clone(), outcome.as_ref(), took)
        });
        (outcome, took)
    }
}
