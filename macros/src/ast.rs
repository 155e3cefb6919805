//! Parses the item under the attribute, as far as the expansion needs it.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Error, Ident, Result, Signature, Visibility, braced, token};

/// What the attribute was put on.
pub(crate) enum Item {
    Function(Box<Function>),
    /// A function that cannot be parsed or has no body, with its name if that can be found.
    Unreadable {
        vis: Visibility,
        name: Option<Ident>,
        error: Error,
    },
    /// Anything but a function, with the error to report.
    Other(Error),
}

/// A function with an unparsed body. The compiler gives better messages about it and knows newer syntax, and an editor
/// receives the tokens of an unfinished body unchanged.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// The `#![…]` at the top of the body. They are allowed only there, so the expansion has to move them.
    pub(crate) inner_attrs: Vec<Attribute>,
    /// The braces and their content, without the inner attributes.
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
                format!(
                    "`{}` has no body; put `#[room_auth]` on the function that has it",
                    sig.ident
                ),
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

/// Returns the error for an item that is not a function. The words before a body or parameter list decide: one of
/// them is `fn`. Unknown words may belong to newer syntax, so they are accepted before `fn`.
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
    let found = match first.to_string().as_str() {
        "struct" => ", but this is a struct",
        "enum" => ", but this is an enum",
        "union" => ", but this is a union",
        "trait" => ", but this is a trait",
        "impl" => ", but this is an `impl` block",
        "mod" => ", but this is a module",
        "static" => ", but this is a static",
        "const" => ", but this is a constant",
        "type" => ", but this is a type alias",
        "use" => ", but this is an import",
        _ => "",
    };
    Some(Error::new(
        first.span(),
        format!("`#[room_auth]` works on an `async fn`{found}; put the attribute on the handler function"),
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

/// Returns the word after the first `fn`.
fn name(tokens: &TokenStream) -> Option<Ident> {
    let mut tokens = tokens.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word == "fn"))?;
    match tokens.next()? {
        TokenTree::Ident(name) => Some(name),
        _ => None,
    }
}
