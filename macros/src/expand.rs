//! Writes the function that authenticates before it runs the body.
//!
//! Every token that the user did not write has a mixed-site span, so that it cannot refer to a name of the user's,
//! and lints do not take it for the user's code. All paths begin at `::room_auth` or `::core`.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{FnArg, Pat, PatType, Signature, Type};

use crate::attr::Args;

use crate::names::{hidden, private};
use crate::ty::with_inferred_impl_trait;
use crate::valid::Handler;

pub(crate) fn handler(handler: &Handler<'_>, args: &Args) -> TokenStream {
    let Handler {
        function,
        claims,
        event,
        state,
        output,
    } = handler;
    let (attrs, vis, inner_attrs) = (&function.attrs, &function.vis, &function.inner_attrs);
    let raw_event = event_name(event);
    let signature = signature(&function.sig, &raw_event, state);
    let private = private();
    let [layer, claims_value, event_value] = ["layer", "claims", "event"].map(hidden);

    let mut configured = args.with.as_ref().map_or_else(
        || quote_spanned! {Span::mixed_site()=> #private::layer_from_env() },
        |with| quote_spanned! {Span::mixed_site()=> #private::layer(#with) },
    );
    if let Some(capability) = &args.can {
        configured = quote_spanned! {Span::mixed_site()=> #private::requiring(#configured, #capability) };
    }
    let (claims_ty, event_ty) = (&claims.ty, &event.ty);
    let claims_binding = binding(claims, &claims_value);
    let event_binding = binding(event, &event_value);
    let output_ty = with_inferred_impl_trait(output);
    let declared = declared(&output_ty);

    // With the span of the user's braces, so that messages about the whole block point at them.
    let rest = function.body.stream();
    let mut body = Group::new(
        Delimiter::Brace,
        quote_spanned! {Span::mixed_site()=>
            #declared
            #claims_binding
            #event_binding
            #rest
        },
    );
    body.set_span(function.body.span());

    quote_spanned! {Span::mixed_site()=>
        #(#attrs)*
        #vis #signature {
            #(#inner_attrs)*
            // A separate statement: whatever the expression locks or borrows is released before the handler runs.
            let #layer = #configured;
            #private::authenticate(
                #layer,
                #raw_event,
                #private::claims::<#claims_ty, _, _>(),
                #private::event::<#event_ty, _, _>(),
                #private::output::<#output_ty, _, _, _>(),
                move |#claims_value, #event_value| async move #body,
            )
            .await
        }
    }
}

/// Declares the parameter as a variable of the body. The value comes from a call because clippy warns about a plain
/// move into a name that begins with `_`.
fn binding(parameter: &PatType, value: &Ident) -> Option<TokenStream> {
    let PatType { attrs, pat, ty, .. } = parameter;
    (!matches!(**pat, Pat::Wild(_))).then(|| {
        quote_spanned! {Span::mixed_site()=>
            #(#attrs)*
            let #pat: #ty = ::core::convert::identity(#value);
        }
    })
}

/// Tells the compiler the type that `return` and `?` in the body produce, before it reads the body.
fn declared(output: &Type) -> TokenStream {
    let private = private();
    // The compiler points at this name when it shows where the return type was declared.
    let mut value = hidden("output");
    value.set_span(Span::mixed_site().located_at(output.span()));
    quote_spanned! {Span::mixed_site()=>
        if let ::core::option::Option::Some(#value) = #private::expect_return_type::<#output>() {
            return #value;
        }
    }
}

/// Replaces claims and event by the raw event. The state stays.
fn signature(sig: &Signature, event: &Ident, state: &[&PatType]) -> Signature {
    let private = private();
    let raw_event = quote_spanned! {Span::mixed_site()=> #event: #private::LambdaEvent<#private::Incoming> };
    let raw_event: FnArg = syn::parse2(raw_event).expect("a name and a type are a parameter");
    let mut sig = sig.clone();
    sig.inputs = std::iter::once(raw_event)
        .chain(state.iter().map(|parameter| FnArg::Typed((*parameter).clone())))
        .collect();
    sig
}

/// Names the raw event as the user named the event (or `event`, for a pattern without a name), for the documentation
/// and for attributes that refer to parameters.
fn event_name(event: &PatType) -> Ident {
    let mut name = match &*event.pat {
        Pat::Ident(pat) => pat.ident.clone(),
        pat => Ident::new("event", pat.span()),
    };
    name.set_span(Span::mixed_site().located_at(name.span()));
    name
}
