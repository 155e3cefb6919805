//! A function alone: the Lambda Runtime API and the processes behind it.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Log, PATIENCE, eventually, scripted};
use room_auth_gateway::{Function, FunctionPool, InvokeError, LogSink, LogStream, StartFunctionError};
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use tokio::time::timeout;

fn function() -> Function {
    Function::new(scripted())
        .name("alone")
        .timeout(PATIENCE)
        .logs(LogSink::discard())
}

/// Orders the function as the body of a MESSAGE event would.
async fn order(pool: &FunctionPool, orders: Value) -> Result<Value, InvokeError> {
    let event = json!({"body": orders.to_string()}).to_string();
    let answer = timeout(PATIENCE, pool.invoke(event))
        .await
        .expect("an answer in time")?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

/// Whether a process is there no more, or only as a zombie that nobody has waited for.
fn has_ended(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
    let id = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    stat.is_ok_and(|stat| stat.contains(") Z ")) || test_kill_process(id).is_err()
}

#[tokio::test]
async fn an_event_goes_in_and_the_answer_comes_out() {
    let pool = function().start().await.unwrap();
    assert_eq!(pool.name(), "alone");
    let answer = order(&pool, json!({"do": "echo"})).await.unwrap();
    assert_eq!(answer, json!({"statusCode": 200, "body": r#"{"do":"echo"}"#}));
    let processes = pool.processes();
    assert_eq!(processes.len(), 1);
    assert!(processes[0].init > Duration::ZERO);
    pool.shutdown().await;
    assert!(has_ended(processes[0].id));
}

#[tokio::test]
async fn an_error_of_the_function_is_an_error_with_its_document() {
    let pool = function().start().await.unwrap();
    match order(&pool, json!({"do": "fail", "message": "no way"})).await {
        Err(InvokeError::Function {
            error_type,
            message,
            payload,
        }) => {
            assert_eq!(message, "no way");
            let document: Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(document["errorType"], error_type);
        }
        other => panic!("{other:?}"),
    }
    // One after the other, they need no second process.
    for _ in 0..100 {
        order(&pool, json!({})).await.unwrap();
    }
    assert_eq!(pool.processes().len(), 1, "the process lives on, and is enough");
}

#[tokio::test]
async fn a_crash_fails_its_invocation_and_the_next_one_gets_a_new_process() {
    let pool = function().start().await.unwrap();
    let first = pool.processes();
    match order(&pool, json!({"do": "exit"})).await {
        Err(InvokeError::Exited { status, last_line }) => {
            assert_eq!(status, "exit status: 4");
            assert_eq!(last_line.as_deref(), Some("told to exit"));
        }
        other => panic!("{other:?}"),
    }
    order(&pool, json!({})).await.unwrap();
    assert_eq!(pool.processes().len(), 1);
    assert_ne!(pool.processes()[0].id, first[0].id);
}

#[tokio::test]
async fn an_invocation_that_takes_too_long_is_cut_off_with_its_process() {
    let pool = function()
        .timeout(Duration::from_millis(300))
        .start()
        .await
        .unwrap();
    let process = pool.processes()[0].id;
    match order(&pool, json!({"do": "hang"})).await {
        Err(InvokeError::TimedOut { after }) => assert_eq!(after, Duration::from_millis(300)),
        other => panic!("{other:?}"),
    }
    eventually(|| has_ended(process)).await;
    order(&pool, json!({})).await.unwrap();
}

#[tokio::test]
async fn processes_are_started_as_they_are_needed_up_to_the_concurrency() {
    let pool = function().concurrency(3).start().await.unwrap();
    assert_eq!(pool.processes().len(), 1);
    let sleep = || order(&pool, json!({"do": "sleep", "ms": 300}));
    let started = Instant::now();
    let (a, b, c, d) = tokio::join!(sleep(), sleep(), sleep(), sleep());
    for answer in [a, b, c, d] {
        assert_eq!(answer.unwrap(), json!({"statusCode": 200}));
    }
    assert_eq!(pool.processes().len(), 3);
    // Three at once, and the fourth after one of them.
    assert!(
        started.elapsed() >= Duration::from_millis(600),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_busy_function_throttles_if_it_shall() {
    let pool = function()
        .concurrency(1)
        .throttle_when_busy()
        .start()
        .await
        .unwrap();
    let busy = order(&pool, json!({"do": "sleep", "ms": 300}));
    let refused = async {
        tokio::task::yield_now().await;
        order(&pool, json!({})).await
    };
    let (first, second) = tokio::join!(busy, refused);
    first.unwrap();
    assert!(matches!(second, Err(InvokeError::Throttled)), "{second:?}");
    order(&pool, json!({})).await.unwrap();
}

#[tokio::test]
async fn an_answer_of_more_than_6_mb_is_refused() {
    let pool = function().start().await.unwrap();
    // 6 MB and 100 bytes are allowed; the padding alone takes the 100.
    let padding = "y".repeat(100);
    let large = json!({"do": "large", "bytes": 6 * 1024 * 1024, "padding": padding});
    let large = order(&pool, large).await;
    assert!(
        matches!(large, Err(InvokeError::AnswerTooLarge { .. })),
        "{large:?}"
    );
    let just_right = order(&pool, json!({"do": "large", "bytes": 6 * 1024 * 1024}))
        .await
        .unwrap();
    assert_eq!(just_right["body"].as_str().unwrap().len(), 6 * 1024 * 1024);
}

#[tokio::test]
async fn what_a_function_says_when_it_cannot_start_is_the_error() {
    let start = |function: Function| async move { function.start().await.unwrap_err() };
    let error = start(function().env("INIT", "exit")).await;
    assert!(matches!(error, StartFunctionError::Init { .. }));
    assert_eq!(
        error.to_string(),
        "function alone failed at init: INIT is exit, and so this is the end"
    );
    let error = start(function().env("INIT", "fail")).await;
    assert!(error.to_string().contains("INIT is fail"), "{error}");
    let reported = r#"
        curl -s -d '{"errorType":"Bad","errorMessage":"no key"}' \
            "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error"
        exec sleep 1000"#;
    let shell = Function::new("/bin/sh").arg("-c").arg(reported);
    let error = start(shell.logs(LogSink::discard())).await.to_string();
    assert_eq!(
        error,
        "function sh failed at init: the function answered with an error: Bad: no key"
    );
    let error = start(
        function()
            .env("INIT", "hang")
            .init_timeout(Duration::from_millis(200)),
    )
    .await;
    assert!(matches!(error, StartFunctionError::InitTimeout { .. }));
    assert!(
        error
            .to_string()
            .contains("did not ask for an event within 200ms"),
        "{error}"
    );

    let error = start(Function::new("/nowhere/at-all")).await.to_string();
    assert_eq!(
        error,
        "function at-all: /nowhere/at-all does not exist; build it first, or correct the path"
    );
    let error = start(Function::new(env!("CARGO_MANIFEST_DIR"))).await.to_string();
    assert!(
        error.ends_with("it is a directory without a `bootstrap` in it"),
        "{error}"
    );
    let error = start(Function::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")))
        .await
        .to_string();
    assert!(error.contains("cannot be executed"), "{error}");
}

#[tokio::test]
async fn a_further_process_that_cannot_start_fails_the_invocation_that_needs_it() {
    // The first start makes the file that the second one dies of.
    let dir = std::env::temp_dir().join(format!("gateway-once-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let marker = dir.join("started");
    let script = format!(
        r#"test -e {0} && echo "only once" >&2 && exit 1; touch {0}; exec {1}"#,
        marker.display(),
        scripted().display()
    );
    let spec = Function::new("/bin/sh")
        .name("once")
        .arg("-c")
        .arg(script)
        .logs(LogSink::discard());
    let pool = spec.start().await.unwrap();
    let crashed = order(&pool, json!({"do": "exit"})).await;
    assert!(matches!(crashed, Err(InvokeError::Exited { .. })), "{crashed:?}");
    match order(&pool, json!({})).await {
        Err(InvokeError::Init { reason }) => assert_eq!(reason, "function once failed at init: only once"),
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(&marker).unwrap();
    order(&pool, json!({})).await.unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}

#[tokio::test]
async fn no_process_outlives_its_function_not_even_a_grandchild() {
    let script = format!("sleep 1000 & echo child $!; {}", scripted().display());
    let start = |script: &str, sink| Function::new("/bin/sh").arg("-c").arg(script).logs(sink).start();
    for how in ["shutdown", "drop"] {
        let (sink, mut log) = Log::channel();
        let pool = start(&script, sink).await.unwrap();
        let child: u32 = log
            .line()
            .await
            .text
            .strip_prefix("child ")
            .unwrap()
            .parse()
            .unwrap();
        let process = pool.processes()[0].id;
        assert!(!has_ended(process) && !has_ended(child));
        match how {
            "shutdown" => pool.shutdown().await,
            _ => drop(pool),
        }
        eventually(|| has_ended(process) && has_ended(child)).await;
    }
}

#[tokio::test]
async fn the_environment_is_lambdas_and_not_the_callers() {
    let environment = |function: Function| async move {
        let (sink, mut log) = Log::channel();
        let script = format!("env; echo END; exec {}", scripted().display());
        let _pool = function.arg("-c").arg(script).logs(sink).start().await.unwrap();
        let mut variables = std::collections::BTreeMap::new();
        loop {
            match log.line().await.text.split_once('=') {
                Some((name, value)) => variables.insert(name.to_owned(), value.to_owned()),
                None => return variables,
            };
        }
    };
    let shell = || {
        Function::new("/bin/sh")
            .name("chat")
            .region("eu-central-1")
            .memory_size(256)
    };
    let variables = environment(shell().env("PUBLIC_KEY", "pem").handler("mine")).await;
    let expected = [
        ("AWS_LAMBDA_FUNCTION_NAME", "chat"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/chat"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_SESSION_TOKEN", "local"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("TZ", ":UTC"),
        ("LAMBDA_TASK_ROOT", "/bin"),
        ("PUBLIC_KEY", "pem"),
        ("_HANDLER", "mine"),
    ];
    for (name, value) in expected {
        assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(variables["AWS_LAMBDA_RUNTIME_API"].starts_with("127.0.0.1:"));
    assert!(variables["AWS_LAMBDA_LOG_STREAM_NAME"].contains("/[$LATEST]"));
    // Cargo sets this for every test.
    assert!(!variables.contains_key("CARGO_MANIFEST_DIR"));
    let own = environment(shell().credentials("id", "secret", "token")).await;
    let found = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| &own[name]);
    assert_eq!(found, ["id", "secret", "token"]);
    let inherited = environment(shell().inherit_env()).await;
    assert_eq!(inherited["CARGO_MANIFEST_DIR"], env!("CARGO_MANIFEST_DIR"));
    assert_eq!(inherited["AWS_LAMBDA_FUNCTION_NAME"], "chat");
}

#[tokio::test]
async fn what_a_function_prints_reaches_the_sink_with_its_origin() {
    let (sink, mut log) = Log::channel();
    let pool = Function::new(scripted())
        .name("talker")
        .logs(sink)
        .start()
        .await
        .unwrap();
    let process = pool.processes()[0].id;
    let _ = order(&pool, json!({"do": "exit"})).await;
    let mut lines = [log.line().await, log.line().await];
    lines.sort_by_key(|line| line.stream == LogStream::Stderr);
    let [out, err] = lines;
    assert!(out.text.starts_with("EVENT "), "{}", out.text);
    assert_eq!(
        (err.text.as_str(), err.stream),
        ("told to exit", LogStream::Stderr)
    );
    for line in [&out, &err] {
        assert_eq!((&*line.function, line.process), ("talker", process));
    }
}

/// Several invocations at once in one process, as `lambda_runtime::run_concurrent` takes them; here two polls
/// by hand, as any runtime could make them.
#[tokio::test]
async fn one_process_can_take_several_invocations_at_once() {
    let script = r#"
        next() { curl -s -D "$1" -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"; }
        answer() {
            id=$(tr -d '\r' < "$1" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
            curl -s -d "\"$MAX\"" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
        }
        MAX=$AWS_LAMBDA_MAX_CONCURRENCY; DIR=$(mktemp -d)
        next $DIR/a & next $DIR/b & wait
        answer $DIR/a; answer $DIR/b; rm -r $DIR; sleep 1000
    "#;
    let spec = Function::new("/bin/sh")
        .arg("-c")
        .arg(script)
        .timeout(PATIENCE)
        .invocations_per_process(2)
        .concurrency(1);
    let pool = spec.logs(LogSink::discard()).start().await.unwrap();
    let (a, b) = tokio::join!(order(&pool, json!({})), order(&pool, json!({})));
    assert_eq!((a.unwrap(), b.unwrap()), (json!("2"), json!("2")));
}

#[tokio::test]
async fn the_runtime_api_answers_as_lambda_documents_it() {
    let script = r#"
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
        code() { echo "$1 $(curl -s -o /dev/null -w '%{http_code}' "$2" -d "$3")"; }
        code init-path "$api/init/other" x
        head=$(curl -s -D - -o /dev/null "$api/invocation/next" | tr -d '\r')
        echo "$head" | sed 's/^/head /'
        id=$(echo "$head" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
        code unknown-id "$api/invocation/nobody/response" x
        code answer "$api/invocation/$id/response" '"done"'
        code again "$api/invocation/$id/response" '"done"'
        code late-error "$api/invocation/$id/error" '{}'
        echo END
        exec sleep 1000
    "#;
    let (sink, mut log) = Log::channel();
    let spec = Function::new("/bin/sh")
        .arg("-c")
        .arg(script)
        .name("f")
        .region("eu-west-1")
        .logs(sink);
    let before = std::time::SystemTime::now();
    let pool = spec.timeout(Duration::from_secs(20)).start().await.unwrap();
    assert_eq!(pool.invoke("{}").await.unwrap(), "\"done\"");
    let mut lines = std::collections::BTreeMap::new();
    loop {
        let text = log.line().await.text;
        if text == "END" {
            break;
        }
        let text = text.strip_prefix("head ").unwrap_or(&text);
        if let Some((name, value)) = text.split_once(": ").or(text.split_once(' ')) {
            lines.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }
    let is = |name: &str, value: &str| assert_eq!(lines[name], value, "{name}");
    is("init-path", "404");
    is("http/1.1", "200 OK");
    is("content-type", "application/json");
    is(
        "lambda-runtime-invoked-function-arn",
        "arn:aws:lambda:eu-west-1:000000000000:function:f",
    );
    assert_eq!(lines["lambda-runtime-aws-request-id"].len(), 36);
    let trace = &lines["lambda-runtime-trace-id"];
    assert!(
        trace.starts_with("Root=1-") && trace.contains(";Parent=") && trace.ends_with(";Sampled=0"),
        "{trace}"
    );
    let deadline: u128 = lines["lambda-runtime-deadline-ms"].parse().unwrap();
    let left = deadline - before.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!(
        (20_000..30_000).contains(&left),
        "20 s from the delivery, not from the start: {left} ms"
    );
    is("unknown-id", "400");
    is("answer", "202");
    is("again", "400");
    is("late-error", "400");
}

#[tokio::test]
async fn a_process_that_ends_by_itself_takes_its_children_with_it() {
    let script = format!("sleep 1000 & echo child $!; exec {}", scripted().display());
    let (sink, mut log) = Log::channel();
    let shell = Function::new("/bin/sh").arg("-c").arg(script);
    let pool = shell.timeout(PATIENCE).logs(sink).start().await.unwrap();
    let line = log.line().await.text;
    let child: u32 = line.strip_prefix("child ").unwrap().parse().unwrap();
    let crashed = order(&pool, json!({"do": "exit"})).await;
    assert!(matches!(crashed, Err(InvokeError::Exited { .. })), "{crashed:?}");
    eventually(|| has_ended(child)).await;
}

/// A page that is open in a browser on this machine must get no events, and must answer none.
#[tokio::test]
async fn the_runtime_api_refuses_web_pages() {
    let script = r#"
        next="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"
        code() { curl -s -o /dev/null -w '%{http_code}\n' "$@"; }
        code -H 'Host: rebind.evil.example' "$next"
        code -H 'Origin: https://evil.example' "$next"
        code -H 'Sec-Fetch-Site: cross-site' "$next"
        code -H 'Origin: https://evil.example' -d '{"statusCode":200}' "${next%next}x/response"
        exec "$0"
    "#;
    let (sink, mut log) = Log::channel();
    let spec = Function::new("/bin/sh").arg("-c").arg(script).arg(scripted());
    let pool = spec.timeout(PATIENCE).logs(sink).start().await.unwrap();
    for _ in 0..4 {
        assert_eq!(log.line().await.text, "403");
    }
    order(&pool, json!({})).await.unwrap();
}

#[tokio::test]
async fn a_variable_that_lambda_reserves_is_refused_before_anything_starts() {
    for variable in [
        "_HANDLER",
        "AWS_REGION",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
    ] {
        let error = function().env(variable, "x").start().await.unwrap_err();
        let is_named = matches!(error, StartFunctionError::ReservedVariable { variable: found, .. } if found == variable);
        assert!(is_named, "{variable}: {error}");
    }
    // Names that users may set.
    let names = [
        "TZ",
        "LANG",
        "PATH",
        "AWS_ENDPOINT_URL",
        "AWS_LAMBDA_EXEC_WRAPPER",
    ];
    let pool = names
        .iter()
        .fold(function(), |function, name| function.env(name, "/usr/bin:/bin"));
    pool.start().await.unwrap();
}

#[tokio::test]
async fn a_function_starts_in_the_directory_of_its_program_unless_told_otherwise() {
    let working_dir = |function: Function| async move {
        let (sink, mut log) = Log::channel();
        let script = format!("pwd; echo $LAMBDA_TASK_ROOT; exec {}", scripted().display());
        let shell = function.arg("-c").arg(script).timeout(PATIENCE).logs(sink);
        let _pool = shell.start().await.unwrap();
        [log.line().await.text, log.line().await.text]
    };
    let canonical = |path: &str| std::fs::canonicalize(path).unwrap().display().to_string();
    let [dir, task_root] = working_dir(Function::new("/bin/sh")).await;
    assert_eq!((canonical(&dir), task_root.as_str()), (canonical("/bin"), "/bin"));
    let [dir, task_root] = working_dir(Function::new("/bin/sh").current_dir("src")).await;
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    assert_eq!((canonical(&dir), task_root.as_str()), (canonical(here), "/bin"));
}

#[tokio::test]
async fn every_invocation_is_answered_while_processes_come_and_go() {
    let pool = function().concurrency(4).start().await.unwrap();
    let invocations = (0..200).map(|number| {
        let orders = if number % 10 == 9 {
            json!({"do": "exit"})
        } else {
            json!({"do": "echo", "number": number})
        };
        let pool = &pool;
        async move { (orders.clone(), order(pool, orders).await) }
    });
    let mut crashes = 0;
    for (orders, answer) in futures_util::future::join_all(invocations).await {
        match answer {
            Ok(answer) => assert_eq!(answer["body"], orders.to_string()),
            Err(InvokeError::Exited { status, .. }) => {
                assert_eq!(
                    (&orders["do"], status.as_str()),
                    (&json!("exit"), "exit status: 4")
                );
                crashes += 1;
            }
            Err(other) => panic!("{orders}: {other:?}"),
        }
    }
    assert_eq!(crashes, 20);
    assert!(pool.processes().len() <= 4);
}
