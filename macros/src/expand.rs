//! The function that authenticates before it runs the body.
//!
//! Every word that is not the user's has the span of the macro's own hygiene: no name of the user's module or
//! parameters can be meant by it, and no lint takes it for the user's. Paths begin at `::room_auth`.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, FnArg, Pat, PatType, Signature, Type};

use crate::ast::Item;
use crate::attr::Args;
use crate::fallback;
use crate::valid::Handler;

pub(crate) fn attribute(args: TokenStream, item: &TokenStream) -> TokenStream {
    let args = Args::read(args);
    let tokens = match Item::read(item) {
        Item::Function(function) => match Handler::check(&function) {
            Ok(handler) => expand(&handler, args.as_ref().ok().and_then(|args| args.with.as_ref())),
            Err(error) => fallback::refused(&function, error),
        },
        Item::Unreadable { vis, name, error } => fallback::unreadable(&vis, name.as_ref(), error),
        Item::Other(error) => {
            let error = error.into_compile_error();
            quote! { #error #item }
        }
    };
    // With arguments that can't be read nothing can be built, but the body is still checked: as under the layer
    // from the environment.
    let error = args.err().map(syn::Error::into_compile_error);
    quote! { #error #tokens }
}

fn expand(handler: &Handler<'_>, with: Option<&Expr>) -> TokenStream {
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

    let configured = with.map_or_else(
        || quote_spanned! {Span::mixed_site()=> #private::layer_from_env() },
        |with| quote_spanned! {Span::mixed_site()=> #private::layer(#with) },
    );
    let (claims_ty, event_ty) = (&claims.ty, &event.ty);
    let claims_binding = binding(claims, &claims_value);
    let event_binding = binding(event, &event_value);
    let output_ty = inferred(output);
    let declared = declared(&output_ty);

    // Within the user's own braces, so that what is said about the block as a whole is said about theirs.
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
            // A statement of its own: what the expression locks or borrows is released before the handler runs.
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

/// The parameter as a variable of the body. Its value comes from a call: a plain move into a name that begins with
/// `_` looks like a mistake to clippy.
fn binding(parameter: &PatType, value: &Ident) -> Option<TokenStream> {
    let PatType { attrs, pat, ty, .. } = parameter;
    (!matches!(**pat, Pat::Wild(_))).then(|| {
        quote_spanned! {Span::mixed_site()=>
            #(#attrs)*
            let #pat: #ty = ::core::convert::identity(#value);
        }
    })
}

/// Tells the compiler what `return` and `?` in the body give, before it comes to the body.
fn declared(output: &Type) -> TokenStream {
    let private = private();
    // The compiler points at this word to show where the return type was declared.
    let mut value = hidden("output");
    value.set_span(Span::mixed_site().located_at(output.span()));
    quote_spanned! {Span::mixed_site()=>
        if let ::core::option::Option::Some(#value) = #private::declared::<#output>() {
            return #value;
        }
    }
}

/// A variable that the user's code can't see. The prefix is there for what hygiene leaves to the user: a pattern
/// of one word can also mean one of their constants.
pub(crate) fn hidden(name: &str) -> Ident {
    Ident::new(&format!("__room_auth_{name}"), Span::mixed_site())
}

/// What is left of the signature: the raw event and the state.
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

/// The name under which the function takes the raw event: that of the user's event, as far as it has one, for
/// the documentation and for attributes that name parameters.
fn event_name(event: &PatType) -> Ident {
    let mut name = match &*event.pat {
        Pat::Ident(pat) => pat.ident.clone(),
        pat => Ident::new("event", pat.span()),
    };
    name.set_span(Span::mixed_site().located_at(name.span()));
    name
}

pub(crate) fn private() -> TokenStream {
    quote_spanned! {Span::mixed_site()=> ::room_auth::__private }
}

/// The type as it can be written inside of the function, where `impl Trait` is a `_`.
fn inferred(ty: &Type) -> Type {
    let mut ty = ty.clone();
    InferImplTrait { found: false }.visit_type_mut(&mut ty);
    ty
}

pub(crate) fn contains_impl_trait(ty: &Type) -> bool {
    let mut visitor = InferImplTrait { found: false };
    visitor.visit_type_mut(&mut ty.clone());
    visitor.found
}

struct InferImplTrait {
    found: bool,
}

impl VisitMut for InferImplTrait {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(trait_) = ty {
            self.found = true;
            let underscore = quote_spanned! {trait_.impl_token.span=> _ };
            *ty = syn::parse2(underscore).expect("`_` is a type");
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}
