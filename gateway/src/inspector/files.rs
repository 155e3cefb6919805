//! The files of the page, which are part of the program.

pub(super) struct File {
    path: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [File; 7] = [
    File {
        path: "/",
        kind: HTML,
        text: include_str!("page/index.html"),
    },
    File {
        path: "/style.css",
        kind: CSS,
        text: include_str!("page/style.css"),
    },
    File {
        path: "/inspector.js",
        kind: SCRIPT,
        text: include_str!("page/inspector.js"),
    },
    File {
        path: "/model.js",
        kind: SCRIPT,
        text: include_str!("page/model.js"),
    },
    File {
        path: "/details.js",
        kind: SCRIPT,
        text: include_str!("page/details.js"),
    },
    File {
        path: "/faults.js",
        kind: SCRIPT,
        text: include_str!("page/faults.js"),
    },
    File {
        path: "/dom.js",
        kind: SCRIPT,
        text: include_str!("page/dom.js"),
    },
];

pub(super) fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}
