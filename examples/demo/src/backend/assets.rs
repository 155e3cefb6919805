//! Serves the page and the client library, which are inside the binary.

use std::borrow::Cow;

use axum::{
    extract::Path,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

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
    "picture.js" => "page/picture.js",
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

    fn served(&self) -> Cow<'static, str> {
        match self.extension() {
            "js" => without_comments(self.source).into(),
            _ => self.source.into(),
        }
    }
}

/// Leaves out the lines that only hold comments: those are for readers of the repository.
fn without_comments(script: &str) -> String {
    let mut inside = false;
    let is_code = |line: &&str| {
        let line = line.trim_start();
        let begins = inside || line.starts_with("/*");
        inside = begins && !line.contains("*/");
        !begins && !line.starts_with("//")
    };
    script.split_inclusive('\n').filter(is_code).collect()
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
    fn scripts_are_served_without_comments_and_otherwise_as_they_are() {
        let script = "/** Adds.\n * @param a\n */\nconst add = (a) => a + 1; // one\n\n\t// Why.\n\t/* x */\n\tadd(2);\n";
        assert_eq!(
            without_comments(script),
            "const add = (a) => a + 1; // one\n\n\tadd(2);\n"
        );
        for asset in ASSETS.iter().filter(|asset| asset.extension() == "js") {
            let begin = asset
                .source
                .lines()
                .filter(|line| line.trim_start().starts_with("/*"));
            for line in begin.filter(|line| line.contains("*/")) {
                assert!(
                    line.ends_with("*/"),
                    "{}: code behind a comment: {line}",
                    asset.path
                );
            }
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
