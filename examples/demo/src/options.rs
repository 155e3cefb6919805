/// The room chat on one machine: page, backend, local API Gateway, Lambda functions and database.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "demo", version)]
pub struct Options {
    /// Port of the page; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// Port of the local API Gateway; 0 takes any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub gateway_port: u16,
    /// Lifetime of a token.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub token_lifetime: u64,
    /// Puts the REQUEST authorizer in front of the chat.
    #[arg(long)]
    pub authorizer: bool,
    /// Logs in through a small identity provider, whose keys the chat fetches: its tokens speak of a user, and list the
    /// rooms.
    ///
    /// It hands out tokens by password. A real one would send the browser to a page of its own (authorization code with
    /// PKCE), which changes nothing for the chat.
    #[arg(long)]
    pub issuer: bool,
}
