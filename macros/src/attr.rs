//! The arguments: `#[room_auth]` or `#[room_auth(with = EXPR)]`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Ident, Result, Token};

#[derive(Default)]
pub(crate) struct Args {
    /// The layer to use instead of the one from the environment.
    pub(crate) with: Option<Expr>,
}

impl Args {
    pub(crate) fn read(tokens: TokenStream) -> Result<Self> {
        arguments.parse2(tokens)
    }
}

fn arguments(input: ParseStream<'_>) -> Result<Args> {
    let mut args = Args::default();
    while !input.is_empty() {
        let name = argument_name(input)?;
        let value = value(input, &name)?;
        if args.with.replace(value).is_some() {
            return Err(Error::new(
                name.span(),
                "`with` is given twice: one function has one configuration",
            ));
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(args)
}

fn argument_name(input: ParseStream<'_>) -> Result<Ident> {
    const USAGE: &str = "`#[room_auth]` takes one argument, `with = EXPR`, an expression that is a `RoomAuthLayer` \
                         or refers to one";
    if input.peek(Ident::peek_any) {
        let ahead = input.fork();
        let name = ahead.call(Ident::parse_any)?;
        if name == "with" {
            return input.call(Ident::parse_any);
        }
        if ahead.peek(Token![=]) && !ahead.peek(Token![==]) {
            return Err(Error::new(
                name.span(),
                format!("unknown argument `{name}`: {USAGE}"),
            ));
        }
    }
    // Most likely the layer itself, without its name.
    let start = input.fork();
    let error = match input.parse::<Expr>() {
        Ok(literal @ Expr::Lit(_)) => Error::new_spanned(literal, USAGE),
        Ok(layer) => {
            let text = layer.to_token_stream().to_string();
            if text.len() <= 40 {
                Error::new_spanned(layer, format!("an argument needs its name: `with = {text}`"))
            } else {
                Error::new_spanned(layer, "an argument needs its name: write `with = ` before it")
            }
        }
        Err(_) => start.error(USAGE),
    };
    Err(error)
}

fn value(input: ParseStream<'_>, name: &Ident) -> Result<Expr> {
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        return Err(Error::new(
            name.span(),
            "`with` needs a value: `with = EXPR`, such as `with = &LAYER` for a `static LAYER: LazyLock<RoomAuthLayer>`",
        ));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(
            equals.span,
            "`with = ` needs an expression after it, such as `with = &LAYER` for a `static LAYER: LazyLock<RoomAuthLayer>`",
        ));
    }
    input.parse()
}
