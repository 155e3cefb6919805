//! The options of the binary, and the gateway they describe.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use room_auth_gateway::{Function, GatewayBuilder, IdentitySources, SelectionExpression};

use super::env_file::{self, EnvFile};

/// A local API Gateway WebSocket API that runs any Lambda bootstrap.
///
/// Prints the URL for clients as its first line, then a line for each thing that happens, and what the functions
/// print to standard error. Functions see the environment that Lambda gives them, what --env and --env-file set, and
/// AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI, which points the AWS SDKs to the @connections of this gateway.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[allow(clippy::doc_markdown, reason = "the texts are for a terminal")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one, once")]
pub(super) enum Command {
    /// Replays a recording, and prints what comes out differently
    ///
    /// Does again what the clients of a recording did, with the clock set forward in between, and compares the answers of
    /// handshakes, the messages to clients and the close codes. If something comes out differently, the status is 1. The
    /// options say what is run, as they do without a recording; the port is any free one.
    #[allow(clippy::doc_markdown, reason = "the texts are for a terminal")]
    Replay {
        /// What --record has written
        file: PathBuf,

        /// Sets what clients send in place of a token, which is not in the recording: token-1=VALUE. Repeatable
        #[arg(long = "token", value_name = "NAME=VALUE", value_parser = pair)]
        tokens: Vec<(String, String)>,

        /// Sets how long something may take longer than it was recorded; then it counts as missing
        #[arg(long, value_name = "SECONDS", default_value_t = 10)]
        patience: u64,

        #[command(flatten)]
        options: Options,
    },
}

#[derive(Args, Debug)]
#[allow(clippy::doc_markdown, reason = "the texts are for a terminal")]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Options {
    /// Runs the WebSocket API of a SAM or CloudFormation template, with its functions and tables. What is not
    /// understood of it is printed. The other options count more
    #[arg(short, long, value_name = "FILE")]
    pub(super) template: Option<PathBuf>,

    /// Sets a parameter of the template. Repeatable
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) parameters: Vec<(String, String)>,

    /// Chooses one of several WebSocket APIs of the template, by its logical id
    #[arg(long, value_name = "ID")]
    pub(super) api: Option<String>,

    /// Reads a configuration file, which says the same as a template by hand. Without this option it is
    /// room-auth-gateway.toml, if that is there. The other options count more
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Adds a route to a function. KEY is $connect, $disconnect, $default or a key of your own; FUNCTION is
    /// the path of a bootstrap (an executable, or a directory of cargo lambda) or the name of a --function.
    /// Repeatable
    #[arg(short, long = "route", value_name = "KEY=FUNCTION", value_parser = pair)]
    pub(super) routes: Vec<(String, String)>,

    /// Adds a route with a route response: the function's response is sent to the client. Repeatable
    #[arg(long = "route-with-response", value_name = "KEY=FUNCTION", value_parser = pair)]
    pub(super) routes_with_response: Vec<(String, String)>,

    /// Gives a bootstrap a name for routes and logs, or a function of the template a bootstrap. Repeatable
    #[arg(short, long = "function", value_name = "NAME=PATH", value_parser = pair)]
    pub(super) functions: Vec<(String, String)>,

    /// Makes a function, by path or by name, the REQUEST authorizer of $connect
    #[arg(long, value_name = "FUNCTION")]
    pub(super) authorizer: Option<String>,

    /// Sets where the authorizer expects the identity, such as route.request.header.Authorization. A client
    /// without it gets 401, and the authorizer is not called. Separate several by commas
    #[arg(long, value_name = "SOURCES", requires = "authorizer")]
    pub(super) identity_sources: Option<IdentitySources>,

    /// Sets how a message selects its route [default: $request.body.action]
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) route_selection: Option<SelectionExpression>,

    /// Sets the port to listen on; 0 is any free port
    #[arg(short, long, default_value_t = 3001)]
    pub(super) port: u16,

    /// Sets the address to listen on. @connections has no authentication here, so any other than a loopback
    /// address opens it to the network
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(super) host: IpAddr,

    /// Serves wss:// and https:// on the same port, with a certificate made at the start, which the functions trust
    /// (AWS_CA_BUNDLE and others). Then the https://{domainName}/{stage} of AWS's samples works
    #[cfg(feature = "tls")]
    #[arg(long)]
    tls: bool,

    /// Behaves as behind a custom domain of this name, such as localhost:3001: no stage in the path, and header names
    /// in lower case
    #[arg(long, value_name = "NAME")]
    custom_domain: Option<String>,

    /// Sets the name of the stage, the first segment of the URL's path [default: dev]
    #[arg(long)]
    pub(super) stage: Option<String>,

    /// Sets the region of the functions
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub(super) region: String,

    /// Sets a stage variable. Repeatable
    #[arg(long = "stage-variable", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) stage_variables: Vec<(String, String)>,

    /// Sets an environment variable of the functions. Repeatable
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,

    /// Reads environment variables of the functions from a file: a NAME=VALUE per line, as it is, without
    /// quotes; lines that begin with # are comments. --env takes precedence. Repeatable
    #[arg(long = "env-file", value_name = "FILE", value_parser = env_file::read)]
    pub(super) env_files: Vec<EnvFile>,

    /// Passes the whole environment of this program on to the functions, AWS credentials included
    #[arg(long)]
    inherit_env: bool,

    /// Runs a command before the start that builds the functions whose paths are given here
    #[arg(long, value_name = "COMMAND")]
    pub(super) build: Option<String>,

    /// Builds and restarts functions when their sources change, or an --env-file. The sockets stay open. If a
    /// build or a start fails, the last good version goes on. Without a build of its own, a function is restarted
    /// when its bootstrap changes
    #[arg(short, long)]
    pub(super) watch: bool,

    /// Sets the directory that the functions start in; without it, that of each executable, as on Lambda
    #[arg(long, value_name = "DIR")]
    current_dir: Option<PathBuf>,

    /// Lets the functions run on after their answers, where Lambda freezes them until the next event
    #[arg(long)]
    no_freeze: bool,

    /// Sets how many processes, and so invocations, each function may have at once [default: 10]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: Option<u16>,

    /// Sets how long an invocation may take [default: 3]
    #[arg(long, value_name = "SECONDS")]
    function_timeout: Option<u64>,

    /// Sets how long a connection may be idle; then it is closed
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    idle_timeout: u64,

    /// Lets pings keep a connection from being idle. AWS does not document it; by default only messages do
    #[arg(long)]
    pings_keep_alive: bool,

    /// Sets the longest time that a connection lasts
    #[arg(long, value_name = "SECONDS", default_value_t = 7200)]
    connection_duration: u64,

    /// Sets how long a client waits for a function
    #[arg(long, value_name = "SECONDS", default_value_t = 29)]
    integration_timeout: u64,

    /// Accepts any number of connections, messages and calls per second, where AWS has limits
    #[arg(long)]
    no_throttling: bool,

    /// Refuses calls of @connections without a signature, as AWS does
    #[arg(long)]
    signed_management_only: bool,

    /// Lets @connections be called by this host name, too, for example from a container. Repeatable
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,

    /// Records what comes and goes, without tokens, to a new file for the command replay
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Serves a page on a port of 127.0.0.1 that shows connections, events and answers, with tokens masked; sends
    /// events to functions again; and injects faults. 0 is any free port [default port: 3002]
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "3002")]
    inspect: Option<u16>,

    /// Prints at the end what the session would have cost on AWS
    #[arg(long)]
    pub(super) bill: bool,

    /// Prints everything to standard output as JSON, one object per line, for machines
    #[arg(long)]
    pub(super) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  room-auth-gateway --template template.yaml --parameter Environment=dev
  room-auth-gateway --route '$connect=target/debug/connect' --env PUBLIC_KEY=\"$(cat public.pem)\"
  room-auth-gateway --function chat=target/lambda/chat --route '$connect=chat' \\
      --route '$disconnect=chat' --route '$default=chat'
  room-auth-gateway --template template.yaml --record bug.jsonl
  room-auth-gateway replay bug.jsonl --template template.yaml --token token-1=\"$TOKEN\"

Then:
  websocat ws://127.0.0.1:3001/dev
  curl -d hello http://127.0.0.1:3001/dev/@connections/CONNECTION_ID";

impl Options {
    /// Sets what only the options say of a gateway.
    pub(super) fn configure(&self, mut builder: GatewayBuilder) -> GatewayBuilder {
        let seconds = Duration::from_secs;
        builder = builder
            .listen((self.host, self.port).into())
            .region(&self.region)
            .limits(|limits| {
                limits.idle_timeout = seconds(self.idle_timeout);
                limits.connection_duration = seconds(self.connection_duration);
                limits.pings_keep_alive = self.pings_keep_alive;
                limits.integration_timeout = seconds(self.integration_timeout);
                if self.no_throttling {
                    (limits.connections_per_second, limits.requests_per_second) = (None, None);
                }
            });
        if self.signed_management_only {
            builder = builder.signed_management_only();
        }
        if let Some(name) = &self.custom_domain {
            builder = builder.custom_domain(name);
        }
        #[cfg(feature = "tls")]
        if self.tls {
            builder = builder.tls();
        }
        if let Some(port) = self.inspect {
            builder = builder.inspect(port);
        }
        for name in &self.allowed_hosts {
            builder = builder.allow_host(name);
        }
        if let Some(file) = &self.record {
            builder = builder.record(file);
        }
        builder
    }

    /// Sets what the options say of every function.
    pub(super) fn configure_function(&self, mut function: Function) -> Function {
        function = function
            .envs(self.env_files.iter().flat_map(|file| file.variables.clone()))
            .envs(self.env.clone())
            .freeze(!self.no_freeze);
        if let Some(processes) = self.concurrency {
            function = function.concurrency(usize::from(processes));
        }
        if let Some(timeout) = self.function_timeout {
            function = function.timeout(Duration::from_secs(timeout));
        }
        if self.inherit_env {
            function = function.inherit_env();
        }
        if let Some(dir) = &self.current_dir {
            function = function.current_dir(dir);
        }
        function
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => {
            Err("expected KEY=VALUE; put a text with a `$` in single quotes, or the shell replaces it".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_hold_together() {
        Arguments::command().debug_assert();
    }
}
