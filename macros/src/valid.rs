//! Checks that a function can be a handler, and finds its claims, event and state.
//!
//! The compiler checks the types, through the traits that the expansion names, because an alias may stand for any of
//! them. This module only reports what is wrong under every alias.

use syn::{Attribute, Error, FnArg, PatType, Result, ReturnType, Safety, Signature, Type};

use crate::ast::Function;
use crate::ty::{contains_impl_trait, could_be_result, is_named};

/// The parts of a valid function.
pub(crate) struct Handler<'a> {
    pub(crate) function: &'a Function,
    pub(crate) claims: &'a PatType,
    pub(crate) event: &'a PatType,
    pub(crate) state: Vec<&'a PatType>,
    pub(crate) output: &'a Type,
}

impl<'a> Handler<'a> {
    /// Checks the signature.
    ///
    /// # Errors
    ///
    /// Returns all mistakes at once, so that one compilation shows them all.
    pub(crate) fn check(function: &'a Function) -> Result<Self> {
        let sig = &function.sig;
        let mut errors = Errors::default();
        qualifiers(sig, &mut errors);
        let parameters = errors.take(parameters(sig));
        if let Some((claims, event, _)) = &parameters {
            errors.take(by_value(claims, "first", "the claims", "RoomClaims"));
            errors.take(by_value(event, "second", "the event", "LambdaEvent"));
            errors.take(unconditional(&claims.attrs));
            errors.take(unconditional(&event.attrs));
        }
        let output = errors.take(output(sig));
        match (errors.0, parameters, output) {
            (None, Some((claims, event, state)), Some(output)) => Ok(Handler {
                function,
                claims,
                event,
                state,
                output,
            }),
            (errors, ..) => Err(errors.expect("a missing part has left an error")),
        }
    }
}

#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
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

fn qualifiers(sig: &Signature, errors: &mut Errors) {
    let name = &sig.ident;
    if sig.asyncness.is_none() {
        let message = format!("the handler is not async; write `async fn {name}`");
        errors.push(Error::new(sig.fn_token.span, message));
    }
    if let Some(constness) = &sig.constness {
        errors.push(Error::new(
            constness.span,
            "a handler cannot be `const`; remove `const`",
        ));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.push(Error::new(
            token.span,
            "a handler cannot be `unsafe`; remove `unsafe`, and use an `unsafe { … }` block in the body",
        ));
    }
    if let Some(abi) = &sig.abi {
        errors.push(Error::new_spanned(
            abi,
            "a handler cannot be `extern`; remove the ABI",
        ));
    }
    if let Some(variadic) = &sig.variadic {
        errors.push(Error::new_spanned(
            variadic,
            "a handler cannot be variadic; remove `...`, and pass state as parameters after the event",
        ));
    }
    if let Some(receiver) = sig.receiver() {
        errors.push(Error::new_spanned(
            receiver,
            "a handler cannot take `self`; pass the value as state after the event, such as `app: &App`",
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
            format!("the claims and the event are missing; add them as the first two parameters, {usage}"),
        )),
        [event] if is_named(&event.ty, "LambdaEvent") => Err(Error::new_spanned(
            event,
            format!("the claims are missing; add `claims: RoomClaims` before the event, {usage}"),
        )),
        [claims] if is_named(&claims.ty, "RoomClaims") => Err(Error::new_spanned(
            claims,
            format!("the event is missing; add `event: LambdaEvent<E>` after the claims, {usage}"),
        )),
        [other] => Err(Error::new_spanned(
            other,
            format!("the first two parameters are not the claims and the event; write them {usage}"),
        )),
        [event, claims, ..] if is_named(&event.ty, "LambdaEvent") && is_named(&claims.ty, "RoomClaims") => {
            Err(Error::new_spanned(
                event,
                format!("the event comes before the claims; swap the two, {usage}"),
            ))
        }
        [claims, event, state @ ..] => Ok((claims, event, state.to_vec())),
    }
}

/// Rejects types that are neither claims nor an event under any alias.
fn by_value(parameter: &PatType, position: &str, what: &str, expected: &str) -> Result<()> {
    let ty = &parameter.ty;
    let message = match &**ty {
        Type::Reference(reference) if is_named(&reference.elem, expected) => match reference.mutability {
            None => format!("the handler takes {what} by value; remove the `&`"),
            Some(_) => {
                format!(
                    "the handler takes {what} by value; remove the `&mut`, and write `mut` before the name"
                )
            }
        },
        Type::Reference(_) => format!(
            "the {position} parameter must be {what}, a `{expected}` by value; move state after the event"
        ),
        _ if contains_impl_trait(ty) => format!(
            "the type of {what} cannot be `impl Trait`; write the type, or a generic parameter such as \
             `T: DeserializeOwned`"
        ),
        _ => return Ok(()),
    };
    Err(Error::new_spanned(ty, message))
}

/// Rejects a condition on claims or event, which authentication always needs. State may be conditional.
fn unconditional(attrs: &[Attribute]) -> Result<()> {
    let conditional = |attr: &&Attribute| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr");
    match attrs.iter().find(conditional) {
        Some(attr) => Err(Error::new_spanned(
            attr,
            "claims and event cannot be conditional; put the condition on the function, and write one function for \
             each case",
        )),
        None => Ok(()),
    }
}

fn output(sig: &Signature) -> Result<&Type> {
    const EXAMPLE: &str = "write for example `-> Result<Response, Error>`";
    match &sig.output {
        // The span of the place where the arrow belongs.
        ReturnType::Default => Err(Error::new(
            sig.paren_token.span.close(),
            format!("the return type is missing; {EXAMPLE}"),
        )),
        ReturnType::Type(_, ty) if could_be_result(ty) => Ok(ty),
        ReturnType::Type(_, ty) => Err(Error::new_spanned(
            ty,
            format!("a handler must return a `Result`; {EXAMPLE}"),
        )),
    }
}
