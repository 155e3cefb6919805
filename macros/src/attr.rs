//! The arguments: `#[room_auth]` or `#[room_auth(with = EXPR)]`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Expr, Ident, Result, Token};

const USAGE: &str =
    "the only argument of `#[room_auth]` is `with = EXPR`, a `RoomAuthLayer` or a reference to one";

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
        let name = name(input)?;
        let with = value(input, &name)?;
        if args.with.replace(with).is_some() {
            return Err(Error::new(
                name.span(),
                "`with` is given twice: a function has one configuration",
            ));
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(args)
}

fn name(input: ParseStream<'_>) -> Result<Ident> {
    let ahead = input.fork();
    match ahead.call(Ident::parse_any) {
        Ok(name) if name == "with" => input.call(Ident::parse_any),
        Ok(name) if is_assignment(&ahead) => Err(Error::new(
            name.span(),
            format!("unknown argument `{name}`: {USAGE}"),
        )),
        _ => Err(unnamed(input)),
    }
}

/// Most likely the layer itself, without `with =` before it.
fn unnamed(input: ParseStream<'_>) -> Error {
    let here = input.error(USAGE);
    match input.parse::<Expr>() {
        Ok(layer @ (Expr::Path(_) | Expr::Reference(_) | Expr::Field(_))) => {
            let text = layer.to_token_stream().to_string().replace("& ", "&");
            Error::new_spanned(layer, format!("an argument has a name: write `with = {text}`"))
        }
        _ => here,
    }
}

fn value(input: ParseStream<'_>, name: &Ident) -> Result<Expr> {
    const EXAMPLE: &str = "such as `with = &LAYER` for a `static LAYER: LazyLock<RoomAuthLayer>`";
    if !is_assignment(input) {
        let message = format!("`with` needs a value: `with = EXPR`, {EXAMPLE}");
        return Err(Error::new(name.span(), message));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`with =` needs an expression, {EXAMPLE}");
        return Err(Error::new(equals.span, message));
    }
    input.parse()
}

fn is_assignment(input: ParseStream<'_>) -> bool {
    input.peek(Token![=]) && !input.peek(Token![==])
}
