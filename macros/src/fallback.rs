//! Writes the error and a stub in place of an invalid function. The stub has the same name, so that the places
//! that use the name do not report errors as well.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Pat, PatType, PatWild, ReturnType, Safety, Signature, Token, Visibility, parse2,
};

use crate::ast::Function;
use crate::names::{hidden, private};
use crate::ty::{contains_impl_trait, could_be_result};

/// Writes a stub with the signature that the handler would have had, as far as it is known.
pub(crate) fn invalid(function: &Function, error: Error) -> TokenStream {
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

/// Writes the original function where nothing can call it, so that the compiler checks its body and does not report
/// what only the body uses as unused. Returns `None` if that would report unrelated errors: for a function that needs
/// `self`, or without a return type.
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

/// Writes a stub for a function of which at most the name is known.
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

/// Returns whether the attribute can stay on the stub. Others may be macros that need the removed parameters, or
/// lints about the body.
fn harmless(attr: &Attribute) -> bool {
    ["cfg", "doc", "allow", "deprecated"]
        .iter()
        .any(|name| attr.path().is_ident(name))
}

/// Makes the signature async and safe, and puts the raw event in place of claims and event. `self` and the state
/// stay, without names.
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
