//! The item under the attribute, as far as it has to be understood.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Error, Ident, Result, Signature, Visibility, braced, token};

/// What the attribute was put on.
pub(crate) enum Item {
    Function(Box<Function>),
    /// A function that can't be read, or has no body. Its name, if at least that is clear.
    Unreadable {
        vis: Visibility,
        name: Option<Ident>,
        error: Error,
    },
    /// Something that is no function, with the error to show for it.
    Other(Error),
}

/// A function whose body is not parsed: the compiler reads it better, knows newer syntax, and an editor gets
/// the tokens of an unfinished body as they are.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// `#![…]` at the top of the body: allowed there and nowhere deeper.
    pub(crate) inner_attrs: Vec<Attribute>,
    /// The braces and what is in them, without the inner attributes.
    pub(crate) body: Group,
}

impl Item {
    pub(crate) fn read(tokens: &TokenStream) -> Self {
        if let Some(error) = not_a_function(tokens) {
            return Item::Other(error);
        }
        match syn::parse2::<Function>(tokens.clone()) {
            Ok(function) => Item::Function(Box::new(function)),
            Err(error) => Item::Unreadable {
                vis: visibility(tokens),
                name: name(tokens),
                error,
            },
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig: Signature = input.parse()?;
        if !input.peek(token::Brace) {
            return Err(Error::new(
                sig.ident.span(),
                format!("`{}` has no body for `#[room_auth]` to guard", sig.ident),
            ));
        }
        let content;
        let braces = braced!(content in input);
        let inner_attrs = content.call(Attribute::parse_inner)?;
        let mut body = Group::new(Delimiter::Brace, content.parse()?);
        body.set_span(braces.span.join());
        Ok(Function {
            attrs,
            vis,
            sig,
            inner_attrs,
            body,
        })
    }
}

/// A function begins with words, of which one is `fn`. Unknown words are taken for newer than we are.
fn not_a_function(tokens: &TokenStream) -> Option<Error> {
    let head = (|input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse::<TokenStream>()
    })
    .parse2(tokens.clone())
    .ok()?;
    let mut first = None;
    for token in head {
        match token {
            TokenTree::Ident(word) if word == "fn" => return None,
            TokenTree::Ident(word) => first = first.or(Some(word)),
            TokenTree::Literal(_) => {}
            TokenTree::Punct(_) | TokenTree::Group(_) => break,
        }
    }
    let first = first?;
    let what = match first.to_string().as_str() {
        "struct" => "a struct",
        "enum" => "an enum",
        "union" => "a union",
        "trait" => "a trait",
        "impl" => "an `impl` block",
        "mod" => "a module",
        "static" => "a static",
        "const" => "a constant",
        "type" => "a type alias",
        "use" => "an import",
        _ => "something else",
    };
    Some(Error::new(
        first.span(),
        format!(
            "`#[room_auth]` guards an `async fn`, and this is {what}: put the attribute on the handler itself"
        ),
    ))
}

fn visibility(tokens: &TokenStream) -> Visibility {
    let vis = |input: ParseStream<'_>| {
        input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        input.parse::<TokenStream>()?;
        Ok(vis)
    };
    vis.parse2(tokens.clone()).unwrap_or(Visibility::Inherited)
}

/// The word after the first `fn`.
fn name(tokens: &TokenStream) -> Option<Ident> {
    let mut tokens = tokens.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word == "fn"))?;
    match tokens.next()? {
        TokenTree::Ident(name) => Some(name),
        _ => None,
    }
}
