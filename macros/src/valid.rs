//! What makes a function a handler. Types are not judged here but by the compiler, through the traits that the
//! expansion names: an alias is as good as the type. Only what no alias could make right is refused.

use proc_macro2::Span;
use syn::{Attribute, Error, FnArg, PatType, Result, ReturnType, Safety, Signature, Type};

use crate::ast::Function;
use crate::expand::contains_impl_trait;

/// The parts of a function that can be expanded.
pub(crate) struct Handler<'a> {
    pub(crate) function: &'a Function,
    pub(crate) claims: &'a PatType,
    pub(crate) event: &'a PatType,
    pub(crate) state: Vec<&'a PatType>,
    pub(crate) output: &'a Type,
}

impl<'a> Handler<'a> {
    /// # Errors
    ///
    /// Everything that is wrong at once, so that nobody has to compile again for the next message.
    pub(crate) fn check(function: &'a Function) -> Result<Self> {
        let sig = &function.sig;
        let mut refused = Refusals::default();
        qualifiers(sig, &mut refused);
        let parameters = parameters(sig, &mut refused);
        let output = output(sig, &mut refused);
        refused.into_result()?;
        // Nothing refused, so all are there.
        let missing = || Error::new(sig.ident.span(), "`#[room_auth]` can't read this signature");
        let (claims, event, state) = parameters.ok_or_else(missing)?;
        Ok(Handler {
            function,
            claims,
            event,
            state,
            output: output.ok_or_else(missing)?,
        })
    }
}

#[derive(Default)]
struct Refusals(Option<Error>);

impl Refusals {
    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

fn qualifiers(sig: &Signature, refused: &mut Refusals) {
    let name = &sig.ident;
    if sig.asyncness.is_none() {
        refused.push(Error::new(
            sig.fn_token.span,
            format!("a handler is async: write `async fn {name}`"),
        ));
    }
    if let Some(constness) = &sig.constness {
        refused.push(Error::new(
            constness.span,
            "a handler is called for each request: remove `const`",
        ));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        refused.push(Error::new(
            token.span,
            "a handler is called by safe code: remove `unsafe`, and put `unsafe { … }` around what needs it inside",
        ));
    }
    if let Some(abi) = &sig.abi {
        refused.push(Error::new_spanned(
            abi,
            "a handler is called from Rust: remove `extern`",
        ));
    }
    if let Some(variadic) = &sig.variadic {
        refused.push(Error::new_spanned(
            variadic,
            "a handler's parameters are counted: remove `...`, and pass state as parameters after the event",
        ));
    }
}

type Parameters<'a> = (&'a PatType, &'a PatType, Vec<&'a PatType>);

fn parameters<'a>(sig: &'a Signature, refused: &mut Refusals) -> Option<Parameters<'a>> {
    let name = &sig.ident;
    let mut typed = Vec::new();
    let mut receiver = false;
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(self_) => {
                receiver = true;
                refused.push(Error::new_spanned(
                    self_,
                    "a handler is a function of its own, without `self`: move it out of the `impl` block, and pass \
                     the value as state after the event, such as `app: &App`",
                ));
            }
            FnArg::Typed(parameter) => typed.push(parameter),
        }
    }
    let (claims, event, state) = match typed.as_slice() {
        [claims, event, state @ ..] => (*claims, *event, state.to_vec()),
        [event] if named(&event.ty, "LambdaEvent") => {
            refused.push(Error::new_spanned(
                event,
                format!(
                    "the claims are missing: write `claims: RoomClaims` before the event, {}",
                    usage(name)
                ),
            ));
            return None;
        }
        [other] => {
            refused.push(Error::new_spanned(
                other,
                format!(
                    "the event is missing: claims and event come first, {}",
                    usage(name)
                ),
            ));
            return None;
        }
        [] if receiver => return None,
        [] => {
            refused.push(Error::new(
                sig.paren_token.span.join(),
                format!("the claims and the event are missing: write {}", usage(name)),
            ));
            return None;
        }
    };
    if named(&claims.ty, "LambdaEvent") && named(&event.ty, "RoomClaims") {
        refused.push(Error::new_spanned(
            claims,
            format!(
                "the claims come first: swap the first two parameters, {}",
                usage(name)
            ),
        ));
        return None;
    }
    by_value(
        claims,
        "the claims are handed over by value",
        "RoomClaims",
        refused,
    );
    by_value(
        event,
        "the second parameter is the event, handed over by value",
        "LambdaEvent<E>",
        refused,
    );
    for parameter in [claims, event] {
        always_there(&parameter.attrs, refused);
    }
    Some((claims, event, state))
}

/// Refuses the shapes of types that are neither claims nor an event under any alias.
fn by_value(parameter: &PatType, what: &str, expected: &str, refused: &mut Refusals) {
    match &*parameter.ty {
        Type::Reference(reference) if named(&reference.elem, expected.trim_end_matches("<E>")) => {
            refused.push(Error::new_spanned(
                &parameter.ty,
                format!("{what}: remove the `&`"),
            ));
        }
        Type::Reference(_) => {
            refused.push(Error::new_spanned(
                &parameter.ty,
                format!("{what}: write `{expected}` here, and state after the event"),
            ));
        }
        ty if contains_impl_trait(ty) => {
            refused.push(Error::new_spanned(
                ty,
                "`impl Trait` can't be used in the claims and the event: name the type, or a generic parameter \
                 such as `E: DeserializeOwned`",
            ));
        }
        _ => {}
    }
}

/// State may come and go by `#[cfg]`; without claims or event there is nothing to authenticate.
fn always_there(attrs: &[Attribute], refused: &mut Refusals) {
    for attr in attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            refused.push(Error::new_spanned(
                attr,
                "claims and event are always there: put the `#[cfg]` on two versions of the function instead",
            ));
        }
    }
}

fn output<'a>(sig: &'a Signature, refused: &mut Refusals) -> Option<&'a Type> {
    const USAGE: &str = "a handler returns a `Result`, such as `-> Result<ApiGatewayProxyResponse, Error>`";
    match &sig.output {
        ReturnType::Default => {
            refused.push(Error::new(
                end_of_parameters(sig),
                format!("the return type is missing: {USAGE}"),
            ));
            None
        }
        ReturnType::Type(_, ty) => {
            if !could_be_result(ty) {
                refused.push(Error::new_spanned(ty, USAGE));
            }
            Some(ty)
        }
    }
}

/// A path, also through an alias, or a macro; all other types have a shape of their own.
pub(crate) fn could_be_result(ty: &Type) -> bool {
    matches!(unwrapped(ty), Type::Path(_) | Type::Macro(_) | Type::Verbatim(_))
}

/// Where the arrow would be written.
fn end_of_parameters(sig: &Signature) -> Span {
    sig.paren_token.span.close()
}

fn usage(name: &syn::Ident) -> String {
    format!("`async fn {name}(claims: RoomClaims, event: LambdaEvent<E>) -> Result<R, Error>`")
}

/// Whether the last word of a path is `name`. Only for choosing the better message.
fn named(ty: &Type, name: &str) -> bool {
    match unwrapped(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == name),
        _ => false,
    }
}

fn unwrapped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => unwrapped(&group.elem),
        Type::Paren(paren) => unwrapped(&paren.elem),
        _ => ty,
    }
}
