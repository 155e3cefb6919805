//! The public listener: which path is what.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode, body::Incoming};
use tokio::net::TcpListener;

use crate::{answer, api::Api, handshake, http, ids, management};

pub(crate) async fn serve(listener: TcpListener, api: Arc<Api>) {
    let closed = api.closed.clone();
    let handler = move |request, peer| {
        let api = api.clone();
        async move {
            let mut answer = route(api, request, peer).await;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                let request_id = ids::lambda_request_id().parse().expect("a valid value");
                answer.headers_mut().insert("x-amzn-RequestId", request_id);
            }
            Ok::<_, Infallible>(answer)
        }
    };
    http::serve(listener, closed, handler).await;
}

async fn route(api: Arc<Api>, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let mut steps = path.strip_prefix('/').unwrap_or(&path).splitn(3, '/');
    match (steps.next(), steps.next(), steps.next()) {
        (Some(stage), None | Some(""), None) if stage == api.stage && api.closing.is_cancelled() => {
            answer::plain(StatusCode::SERVICE_UNAVAILABLE)
        }
        (Some(stage), None | Some(""), None) if stage == api.stage => {
            handshake::handle(api, request, peer).await
        }
        (Some(stage), Some("@connections" | "%40connections"), Some(id)) if stage == api.stage => {
            management::handle(&api, id, request).await
        }
        _ => answer::plain(StatusCode::FORBIDDEN),
    }
}
