//! The page and the client library, inside the binary.

use axum::{
    extract::Path,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use super::reply::Failure;

struct Asset {
    path: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal => $file:literal),* $(,)?) => {
        &[$(Asset {
            path: $path,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file)),
        }),*]
    };
}

const INDEX: &str = "index.html";

const ASSETS: &[Asset] = assets! {
    "index.html" => "page/index.html",
    "style.css" => "page/style.css",
    "app.js" => "page/app.js",
    "attacks.js" => "page/attacks.js",
    "backend.js" => "page/backend.js",
    "chat.js" => "page/chat.js",
    "dom.js" => "page/dom.js",
    "picture.js" => "page/picture.js",
    "ticket.js" => "page/ticket.js",
    "client/room-auth-client.js" => "client/room-auth-client.js",
};

pub(super) async fn index() -> Response {
    serve(INDEX)
}

pub(super) async fn asset(Path(path): Path<String>) -> Response {
    serve(&path)
}

fn serve(path: &str) -> Response {
    let asset = ASSETS.iter().find(|asset| asset.path == path);
    let Some(Asset { path, bytes }) = asset else {
        return Failure::new(StatusCode::NOT_FOUND, "There is no such page.").into_response();
    };
    let kind = match path.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    ([(CONTENT_TYPE, kind)], *bytes).into_response()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let page = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).unwrap();
        for file in page {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(
                ASSETS.iter().any(|asset| asset.path == name),
                "add page/{name} to the assets"
            );
        }
    }

    #[test]
    fn the_page_stays_small() {
        let size: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
        assert!(size < 60 * 1024, "{size} bytes");
    }

    #[test]
    fn what_the_page_loads_is_there() {
        let index = ASSETS.iter().find(|asset| asset.path == INDEX).unwrap();
        let index = std::str::from_utf8(index.bytes).unwrap();
        let loaded = index
            .split('"')
            .filter(|text| text.starts_with('/') && text.contains('.'));
        let mut count = 0;
        for path in loaded {
            assert!(ASSETS.iter().any(|asset| asset.path == &path[1..]), "{path}");
            count += 1;
        }
        assert!(count >= 2, "a style and a script at least");
    }
}
