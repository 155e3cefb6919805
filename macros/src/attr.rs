//! Reads the arguments of `#[room_auth]`: `with = EXPR` and `can = "NAME"`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Result, Token};

const VALID: &str = "valid arguments: `with = EXPR`, `can = \"NAME\"`";
const WITH_EXAMPLE: &str = "for example `with = &LAYER` for a `static LAYER: LazyLock<RoomAuthLayer>`";
const CAN_EXAMPLE: &str = "for example `can = \"send\"`";

#[derive(Default)]
pub(crate) struct Args {
    /// The layer to use instead of the one from the environment.
    pub(crate) with: Option<Expr>,
    /// The capability that the handler requires.
    pub(crate) can: Option<LitStr>,
}

impl Args {
    pub(crate) fn read(tokens: TokenStream) -> Result<Self> {
        syn::parse2(tokens)
    }
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Args::default();
        while !input.is_empty() {
            if !begins_with_a_name(input) {
                return Err(nameless(input, &args));
            }
            let name = input.call(Ident::parse_any)?;
            if name == "with" {
                set(&mut args.with, &name, value(input, &name, "EXPR", WITH_EXAMPLE)?)?;
            } else if name == "can" {
                let value = value(input, &name, "\"NAME\"", CAN_EXAMPLE)?;
                set(&mut args.can, &name, capability(value)?)?;
            } else {
                return Err(Error::new(
                    name.span(),
                    format!("unknown argument `{name}`; {VALID}"),
                ));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

/// Returns whether a word comes next that is not the beginning of an expression such as `app.auth`.
fn begins_with_a_name(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.call(Ident::parse_any).is_ok() && !ahead.peek(Token![.]) && !ahead.peek(Token![::])
}

/// Explains an argument without a name. It is most likely the layer, if that has not been given yet.
fn nameless(input: ParseStream<'_>, args: &Args) -> Error {
    let expected = input.error(format!("expected a named argument; {VALID}"));
    match input.parse::<Expr>() {
        Ok(layer @ (Expr::Path(_) | Expr::Reference(_) | Expr::Field(_))) if args.with.is_none() => {
            let text = as_written(&layer);
            Error::new_spanned(layer, format!("expected a named argument; write `with = {text}`"))
        }
        _ => expected,
    }
}

/// Formats an expression without the spaces that a token stream puts between all of its tokens.
fn as_written(expr: &Expr) -> String {
    let text = expr.to_token_stream().to_string();
    text.replace(" . ", ".").replace(" :: ", "::").replace("& ", "&")
}

fn value(input: ParseStream<'_>, name: &Ident, form: &str, example: &str) -> Result<Expr> {
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        let message = format!("`{name}` needs a value; write `{name} = {form}`, {example}");
        return Err(Error::new(name.span(), message));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{name} =` needs a value, {example}");
        return Err(Error::new(equals.span, message));
    }
    input.parse()
}

/// Reads the name of a capability. The rule is that of the claim `can`.
fn capability(value: Expr) -> Result<LitStr> {
    let Expr::Lit(ExprLit {
        lit: Lit::Str(name), ..
    }) = value
    else {
        return Err(Error::new_spanned(
            value,
            format!("a capability is a name in quotes, {CAN_EXAMPLE}"),
        ));
    };
    let text = name.value();
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.:-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(is_allowed) {
        Ok(name)
    } else {
        Err(Error::new(
            name.span(),
            format!(
                "{text:?} is not the name of a capability; use 1 to 64 characters out of a-z 0-9 _ . : -"
            ),
        ))
    }
}

fn set<T>(argument: &mut Option<T>, name: &Ident, value: T) -> Result<()> {
    match argument.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(
            name.span(),
            format!("`{name}` is specified more than once; remove one of them"),
        )),
    }
}
