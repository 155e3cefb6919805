//! The Lambda Runtime API with nothing but the standard library, so that this is built in a second.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// Answers each event, as JSON, with what `handler` makes of it.
pub fn run(handler: impl Fn(&str) -> String) {
    let address = env::var("AWS_LAMBDA_RUNTIME_API").expect("this runs as a Lambda function");
    loop {
        let (id, event) = call(&address, "GET", "next", "");
        call(&address, "POST", &format!("{id}/response"), &handler(&event));
    }
}

/// Returns the id of the invocation, and the body.
fn call(address: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("the Runtime API is there");
    let length = body.len();
    write!(
        stream,
        "{method} /2018-06-01/runtime/invocation/{path} HTTP/1.1\r\nHost: {address}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .expect("the Runtime API reads");
    let mut reader = BufReader::new(stream);
    let (mut id, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).expect("a response") > 2 {
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
                id = value.trim().to_owned();
            }
        }
        line.clear();
    }
    let mut body = String::new();
    reader.read_to_string(&mut body).expect("a body");
    (id, body)
}
