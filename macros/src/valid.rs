//! What makes a function a handler. Types are not judged here but by the compiler, through the traits that the
//! expansion names: an alias is as good as the type. Only what no alias could make right is refused.

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
        let mut refusals = Refusals::default();
        qualifiers(sig, &mut refusals);
        let parameters = refusals.take(parameters(sig));
        if let Some((claims, event, _)) = &parameters {
            refusals.take(by_value(
                claims,
                "the first parameter is the claims",
                "RoomClaims",
            ));
            refusals.take(by_value(
                event,
                "the second parameter is the event",
                "LambdaEvent",
            ));
            refusals.take(always_there(&claims.attrs));
            refusals.take(always_there(&event.attrs));
        }
        let output = refusals.take(output(sig));
        match (refusals.0, parameters, output) {
            (None, Some((claims, event, state)), Some(output)) => Ok(Handler {
                function,
                claims,
                event,
                state,
                output,
            }),
            (refused, ..) => Err(refused.expect("what is missing was refused")),
        }
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

    fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }
}

fn qualifiers(sig: &Signature, refusals: &mut Refusals) {
    let name = &sig.ident;
    if sig.asyncness.is_none() {
        let message = format!("a handler is async: write `async fn {name}`");
        refusals.push(Error::new(sig.fn_token.span, message));
    }
    if let Some(constness) = &sig.constness {
        refusals.push(Error::new(
            constness.span,
            "a handler is called for each request: remove `const`",
        ));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        refusals.push(Error::new(
            token.span,
            "a handler is called by safe code: remove `unsafe`, and put `unsafe { … }` around what needs it inside",
        ));
    }
    if let Some(abi) = &sig.abi {
        refusals.push(Error::new_spanned(
            abi,
            "a handler is called from Rust: remove `extern`",
        ));
    }
    if let Some(variadic) = &sig.variadic {
        refusals.push(Error::new_spanned(
            variadic,
            "a handler's parameters are counted: remove `...`, and pass state as parameters after the event",
        ));
    }
    if let Some(receiver) = sig.receiver() {
        refusals.push(Error::new_spanned(
            receiver,
            "a handler is a function of its own, without `self`: pass the value as state after the event, such as \
             `app: &App`",
        ));
    }
}

type Parameters<'a> = (&'a PatType, &'a PatType, Vec<&'a PatType>);

fn parameters(sig: &Signature) -> Result<Parameters<'_>> {
    let typed: Vec<&PatType> = sig
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(parameter) => Some(parameter),
            FnArg::Receiver(_) => None,
        })
        .collect();
    let usage = format!(
        "as in `async fn {}(claims: RoomClaims, event: LambdaEvent<E>) -> Result<R, Error>`",
        sig.ident
    );
    match typed.as_slice() {
        [] => Err(Error::new(
            sig.paren_token.span.join(),
            format!("the claims and the event are missing: write them first, {usage}"),
        )),
        [event] if is_named(&event.ty, "LambdaEvent") => Err(Error::new_spanned(
            event,
            format!("the claims are missing: write `claims: RoomClaims` before the event, {usage}"),
        )),
        [claims] if is_named(&claims.ty, "RoomClaims") => Err(Error::new_spanned(
            claims,
            format!("the event is missing: write it after the claims, {usage}"),
        )),
        [other] => Err(Error::new_spanned(
            other,
            format!("claims and event are the first two parameters of a handler, {usage}"),
        )),
        [event, claims, ..] if is_named(&event.ty, "LambdaEvent") && is_named(&claims.ty, "RoomClaims") => {
            Err(Error::new_spanned(
                event,
                format!("the claims come first: swap claims and event, {usage}"),
            ))
        }
        [claims, event, state @ ..] => Ok((claims, event, state.to_vec())),
    }
}

/// Refuses the shapes of types that are neither claims nor an event under any alias.
fn by_value(parameter: &PatType, what: &str, expected: &str) -> Result<()> {
    let ty = &parameter.ty;
    match &**ty {
        Type::Reference(reference) if is_named(&reference.elem, expected) => Err(Error::new_spanned(
            ty,
            match reference.mutability {
                None => format!("{what}, by value: remove the `&`"),
                Some(_) => format!("{what}, by value: remove the `&mut`, and write `mut` before the name"),
            },
        )),
        Type::Reference(_) => Err(Error::new_spanned(
            ty,
            format!("{what}, a `{expected}` by value: state goes after claims and event"),
        )),
        _ if contains_impl_trait(ty) => Err(Error::new_spanned(
            ty,
            format!(
                "{what}, of a type with a name: instead of `impl Trait` write the type, or a generic parameter such \
                 as `T: DeserializeOwned`"
            ),
        )),
        _ => Ok(()),
    }
}

/// State may come and go by `#[cfg]`; without claims or event there is nothing to authenticate.
fn always_there(attrs: &[Attribute]) -> Result<()> {
    let conditional = |attr: &&Attribute| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr");
    match attrs.iter().find(conditional) {
        Some(attr) => Err(Error::new_spanned(
            attr,
            "a handler always has claims and event: put the condition on the function, and write it twice where \
             there are two versions",
        )),
        None => Ok(()),
    }
}

fn output(sig: &Signature) -> Result<&Type> {
    const USAGE: &str = "a handler returns a `Result`, such as `-> Result<ApiGatewayProxyResponse, Error>`";
    match &sig.output {
        // Where the arrow would be written.
        ReturnType::Default => Err(Error::new(
            sig.paren_token.span.close(),
            format!("the return type is missing: {USAGE}"),
        )),
        ReturnType::Type(_, ty) if could_be_result(ty) => Ok(ty),
        ReturnType::Type(_, ty) => Err(Error::new_spanned(ty, USAGE)),
    }
}

/// A path, also through an alias, or a macro; all other types have a shape of their own.
pub(crate) fn could_be_result(ty: &Type) -> bool {
    matches!(unwrapped(ty), Type::Path(_) | Type::Macro(_) | Type::Verbatim(_))
}

/// Whether the last word of a path is `name`. Only for choosing the better message.
fn is_named(ty: &Type, name: &str) -> bool {
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
