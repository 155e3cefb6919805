//! What a person orders on the page: an event once more, or a fault.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{History, responses::Refusal};
use crate::{
    api::Api,
    call::Call,
    function::{FunctionFault, FunctionPool},
    ids,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resend {
    /// The number of the entry with the event.
    entry: u64,
}

/// A fault, and what it needs of the rest.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    fault: Fault,
    function: Option<String>,
    connection: Option<String>,
    /// How often; for `kill_after_posts`, after how many posts.
    times: Option<u16>,
    /// How long a delay is.
    ms: Option<u32>,
}

/// The faults, by their names in [`Faults`](crate::Faults) and [`FunctionFault`].
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    Throttle,
    Error,
    CrashBefore,
    CrashAfter,
    TimeOut,
    Kill,
    KillAfterPosts,
    DenyPosts,
    ThrottlePosts,
    ThrottlePostsTo,
    Gone,
    Slow,
    Stall,
    Resume,
    LoseDisconnects,
    DelayDisconnects,
}

/// Gives a function an event once more, exactly as it was, and returns the id of the new request at once.
///
/// # Errors
///
/// If the event is not kept any more: what to tell the person.
pub(super) fn resend(api: &Arc<Api>, history: &History, order: &Resend) -> Result<Value, Refusal> {
    let event = history.event(order.entry).ok_or_else(|| {
        let text = "this entry has no event, or is not kept any more";
        (StatusCode::NOT_FOUND, text.to_owned())
    })?;
    let (_, function) = find_function(api, &event.function)?;
    let function = function.clone();
    let request_id: Arc<str> = ids::lambda_request_id().into();
    let answer = json!({ "request_id": &*request_id });
    let api = api.clone();
    api.tasks.clone().spawn(async move {
        let call = Call {
            route: event.route,
            is_resent: true,
            function: &function,
            connection_id: &event.connection_id,
            request_id: &request_id,
            event: event.bytes,
            limit: api.limits.integration_timeout,
        };
        // The answer is in the journal. No client gets it.
        call.run(&api.journal).await;
    });
    Ok(answer)
}

/// Injects a fault, and notes it in the history.
///
/// # Errors
///
/// If something is missing, or there is no such function or open connection: what to tell the person. Then nothing is
/// injected.
pub(super) fn inject(api: &Api, history: &History, order: &Order) -> Result<(), Refusal> {
    let faults = &api.faults;
    let name = || {
        let name = order.function.as_deref().ok_or_else(|| missing("function"))?;
        find_function(api, name).map(|(name, _)| name)
    };
    let connection = || {
        let id = order.connection.as_deref().ok_or_else(|| missing("connection"))?;
        let is_open = api.connections.get(id).is_some();
        is_open.then_some(id).ok_or_else(|| unknown("open connection"))
    };
    let times = || order.times.map(usize::from).ok_or_else(|| missing("times"));
    let delay = || {
        let ms = order.ms.ok_or_else(|| missing("ms"))?;
        Ok::<_, Refusal>(Duration::from_millis(ms.into()))
    };
    match order.fault {
        Fault::Throttle => faults.function(name()?, FunctionFault::Throttle, times()?),
        Fault::Error => faults.function(name()?, FunctionFault::Error, times()?),
        Fault::CrashBefore => faults.function(name()?, FunctionFault::CrashBefore, times()?),
        Fault::CrashAfter => faults.function(name()?, FunctionFault::CrashAfter, times()?),
        Fault::TimeOut => faults.function(name()?, FunctionFault::TimeOut, times()?),
        Fault::Kill => faults.kill(name()?),
        Fault::KillAfterPosts => faults.kill_after_posts(name()?, times()?),
        Fault::DenyPosts => faults.deny_posts(times()?),
        Fault::ThrottlePosts => faults.throttle_posts(times()?),
        Fault::ThrottlePostsTo => faults.throttle_posts_to(connection()?, times()?),
        Fault::Gone => faults.gone(connection()?),
        Fault::Slow => faults.slow(connection()?, delay()?),
        Fault::Stall => faults.stall(connection()?),
        Fault::Resume => faults.resume(connection()?),
        Fault::LoseDisconnects => faults.lose_disconnects(times()?),
        Fault::DelayDisconnects => faults.delay_disconnects(delay()?, times()?),
    }
    history.add_order(
        api.clock.now(),
        order.connection.as_deref().unwrap_or_default(),
        &json!(order),
    );
    Ok(())
}

/// Returns the function that Lambda would know by this name, and its name in the gateway.
fn find_function<'a>(api: &'a Api, name: &str) -> Result<(&'a String, &'a Arc<FunctionPool>), Refusal> {
    let mut functions = api.faults.functions().iter();
    functions
        .find(|(_, function)| function.name() == name)
        .ok_or_else(|| unknown("function"))
}

// What was asked for is not repeated: nobody knows what it is.
fn unknown(what: &str) -> Refusal {
    (StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

fn missing(member: &str) -> Refusal {
    (
        StatusCode::BAD_REQUEST,
        format!("this fault needs the member {member}"),
    )
}
