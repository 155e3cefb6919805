//! Serves the page and the client library, which are inside the binary.

use std::borrow::Cow;

use axum::{
    extract::Path,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use minifier::{css, js};

use super::reply::Failure;

struct Asset {
    path: &'static str,
    source: &'static str,
}

macro_rules! assets {
    ($($path:literal => $file:literal),* $(,)?) => {
        &[$(Asset {
            path: $path,
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file)),
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
    "moderation.js" => "page/moderation.js",
    "picture.js" => "page/picture.js",
    "room.js" => "page/room.js",
    "ticket.js" => "page/ticket.js",
    "client/memberships.js" => "../../client/memberships.js",
    "client/room-auth-client.js" => "../../client/room-auth-client.js",
    "client/tokens.js" => "../../client/tokens.js",
};

pub(super) async fn index() -> Response {
    serve(INDEX)
}

pub(super) async fn asset(Path(path): Path<String>) -> Response {
    serve(&path)
}

fn serve(path: &str) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) else {
        return Failure::new(StatusCode::NOT_FOUND, "There is no such page.").into_response();
    };
    let kind = match asset.extension() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    ([(CONTENT_TYPE, kind)], asset.served()).into_response()
}

impl Asset {
    fn extension(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Leaves out what is for readers of the repository: comments, and whitespace that means nothing.
    fn served(&self) -> Cow<'static, str> {
        const OURS: &str = "the tests serve every file of the page";
        match self.extension() {
            "js" => js::minify(self.source).expect(OURS).to_string().into(),
            "css" => css::minify(self.source).expect(OURS).to_string().into(),
            _ => self.source.into(),
        }
    }
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
        let size: usize = ASSETS.iter().map(|asset| asset.served().len()).sum();
        assert!(size < 60 * 1024, "{size} bytes");
    }

    #[test]
    fn what_is_served_has_no_comments_and_loses_no_text() {
        let script = Asset {
            path: "x.js",
            source: "/** Adds. */\nconst add = (a) => a + 1; // one\n\t/* x */\n\tlog(`it's  ${add(2)} // no comment`);\n",
        };
        assert_eq!(
            script.served(),
            "const add=(a)=>a+1;log(`it's  ${add(2)} // no comment`);"
        );
        for asset in ASSETS {
            assert!(!asset.served().contains("/*"), "{}", asset.path);
        }
    }

    #[test]
    fn what_the_page_loads_is_there() {
        let index = ASSETS.iter().find(|asset| asset.path == INDEX).unwrap();
        let loaded = index
            .source
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
