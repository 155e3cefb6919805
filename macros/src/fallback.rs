//! What stands in for a function that was refused: the error, and a function of the same name that nobody can
//! get past, so that the places that use the name don't add errors of their own.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Pat, PatType, PatWild, ReturnType, Safety, Signature, Token, Visibility, parse2,
};

use crate::ast::Function;
use crate::expand::{contains_impl_trait, hidden, private};
use crate::valid::could_be_result;

/// A stub with the signature the handler would have had, as far as it is clear.
pub(crate) fn refused(function: &Function, error: Error) -> TokenStream {
    let error = error.into_compile_error();
    let attrs = function.attrs.iter().filter(|attr| harmless(attr));
    let vis = &function.vis;
    let sig = stub_signature(&function.sig);
    let original = original(function);
    quote_spanned! {Span::mixed_site()=>
        #error
        #(#attrs)*
        #vis #sig {
            #original
            ::core::unreachable!()
        }
    }
}

/// The function as it was written, out of everybody's reach: for the compiler to check, and so that it does not
/// take what only the body uses for unused. None where it would add errors of its own: without `self` or a return
/// type.
fn original(function: &Function) -> Option<TokenStream> {
    let has_output = matches!(&function.sig.output, ReturnType::Type(_, ty) if could_be_result(ty));
    let mut sig = function.sig.clone();
    let mentions_self = mentions_self(sig.to_token_stream()) || mentions_self(function.body.stream());
    if !has_output || sig.receiver().is_some() || mentions_self {
        return None;
    }
    sig.ident = hidden("original");
    sig.constness = None;
    sig.asyncness = Some(Token![async](Span::mixed_site()));
    sig.abi = None;
    sig.variadic = None;
    let (inner_attrs, body) = (&function.inner_attrs, function.body.stream());
    Some(quote_spanned! {Span::mixed_site()=>
        #[allow(dead_code)]
        #sig {
            #(#inner_attrs)*
            #body
        }
    })
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// A stub for a function of which only the name is clear.
pub(crate) fn unreadable(vis: &Visibility, name: Option<&Ident>, error: Error) -> TokenStream {
    let error = error.into_compile_error();
    let stub = name.map(|name| {
        let private = private();
        let output = any_output();
        quote_spanned! {Span::mixed_site()=>
            #vis async fn #name(_: #private::LambdaEvent<#private::Incoming>) #output {
                ::core::unreachable!()
            }
        }
    });
    quote_spanned! {Span::mixed_site()=> #error #stub }
}

/// Other attributes may be macros that ask for the parameters that are gone, or lints about the body.
fn harmless(attr: &Attribute) -> bool {
    ["cfg", "doc", "allow", "deprecated"]
        .iter()
        .any(|name| attr.path().is_ident(name))
}

/// Async, safe and with the raw event in the place of claims and event; `self` and the state stay, unnamed.
fn stub_signature(sig: &Signature) -> Signature {
    let mut stub = sig.clone();
    stub.constness = None;
    stub.asyncness = Some(Token![async](Span::mixed_site()));
    stub.safety = Safety::Default;
    stub.abi = None;
    stub.variadic = None;

    let private = private();
    let event = quote_spanned! {Span::mixed_site()=> _: #private::LambdaEvent<#private::Incoming> };
    let event: FnArg = parse2(event).expect("a pattern and a type are a parameter");
    let receiver = sig.receiver().cloned().map(FnArg::Receiver);
    let state = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(unnamed(parameter)),
        FnArg::Receiver(_) => None,
    });
    stub.inputs = receiver.into_iter().chain([event]).chain(state.skip(2)).collect();

    stub.output = match &sig.output {
        ReturnType::Type(arrow, ty) if could_be_result(ty) && !contains_impl_trait(ty) => {
            ReturnType::Type(*arrow, ty.clone())
        }
        _ => parse2(any_output()).expect("an arrow and a path are a return type"),
    };
    stub
}

fn unnamed(parameter: &PatType) -> FnArg {
    let pat = Pat::Wild(PatWild {
        attrs: Vec::new(),
        underscore_token: Token![_](Span::mixed_site()),
    });
    FnArg::Typed(PatType {
        pat: Box::new(pat),
        ..parameter.clone()
    })
}

fn any_output() -> TokenStream {
    let private = private();
    quote_spanned! {Span::mixed_site()=> -> ::core::result::Result<#private::Value, #private::Error> }
}
