//! Tests of what a compiled program cannot show: the tokens that come out for the tokens that go in.
#![allow(clippy::unwrap_used)]

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, ItemFn, Pat, parse2};

use crate::attribute;

/// Returns the expansion without its error messages, and the messages.
fn expanded(args: TokenStream, item: &TokenStream) -> (TokenStream, Vec<String>) {
    let file: syn::File = parse2(attribute(args, item)).unwrap();
    let mut errors = Vec::new();
    let mut rest = TokenStream::new();
    for item in file.items {
        match item {
            syn::Item::Macro(item) if item.mac.path.segments.last().unwrap().ident == "compile_error" => {
                errors.push(parse2::<syn::LitStr>(item.mac.tokens).unwrap().value());
            }
            item => rest.extend(quote! { #item }),
        }
    }
    (rest, errors)
}

fn signature(function: &TokenStream) -> String {
    let function: ItemFn = parse2(function.clone()).unwrap();
    let (vis, sig) = (&function.vis, &function.sig);
    quote! { #vis #sig }.to_string()
}

#[test]
fn a_handler_keeps_all_but_its_claims() {
    let handler = quote! {
        /// Joins.
        #[inline]
        pub(crate) async fn connect<'a, T: Clone, const N: usize>(
            claims: RoomClaims<T>,
            mut event: LambdaEvent<Value>,
            #[cfg(test)] mut state: &'a mut [u8; N],
        ) -> Result<Value, Error>
        where
            T: DeserializeOwned,
        {
            #![allow(unused)]
            body()
        }
    };
    let (out, errors) = expanded(TokenStream::new(), &handler);
    assert_eq!(errors, [""; 0]);
    let expected = quote! {
        pub(crate) async fn connect<'a, T: Clone, const N: usize>(
            event: ::room_auth::__private::LambdaEvent<::room_auth::__private::Incoming>,
            #[cfg(test)] mut state: &'a mut [u8; N]
        ) -> Result<Value, Error>
        where
            T: DeserializeOwned,
    };
    assert_eq!(signature(&out), expected.to_string());
    let function: ItemFn = parse2(out).unwrap();
    let attrs: Vec<_> = function
        .attrs
        .iter()
        .map(|attr| quote!(#attr).to_string())
        .collect();
    assert_eq!(
        attrs,
        ["# [doc = r\" Joins.\"]", "# [inline]", "# ! [allow (unused)]"]
    );
}

#[test]
fn the_raw_event_is_named_as_the_users_event() {
    for (pattern, name) in [
        (quote!(event), "event"),
        (quote!(mut request), "request"),
        (quote!(_event), "_event"),
        (quote!(r#in), "r#in"),
        (quote!(ref event), "event"),
        (quote!(_), "event"),
        (quote!(LambdaEvent { payload, .. }), "event"),
    ] {
        let handler = quote! { async fn f(_: RoomClaims, #pattern: LambdaEvent<Value>) -> Answer { body() } };
        let (out, errors) = expanded(TokenStream::new(), &handler);
        assert_eq!(errors, [""; 0], "{pattern}");
        let function: ItemFn = parse2(out).unwrap();
        let Some(FnArg::Typed(event)) = function.sig.inputs.first() else {
            panic!("{pattern}")
        };
        let Pat::Ident(pat) = &*event.pat else {
            panic!("{pattern}")
        };
        assert_eq!(pat.ident.to_string(), name, "{pattern}");
        assert!(pat.mutability.is_none() && pat.by_ref.is_none(), "{pattern}");
    }
}

#[test]
fn the_expression_is_evaluated_before_the_handler_is_made() {
    let handler = quote! { async fn f(_: RoomClaims, _: LambdaEvent<Value>) -> Answer { the_body() } };
    let (out, errors) = expanded(quote!(with = the_layer()), &handler);
    assert_eq!(errors, [""; 0]);
    let function: ItemFn = parse2(out).unwrap();
    let [configured, rest] = function.block.stmts.as_slice() else {
        panic!("a statement for the layer, and the call")
    };
    let [configured, rest] = [quote!(#configured), quote!(#rest)].map(|tokens| tokens.to_string());
    assert!(
        configured.starts_with("let __room_auth_layer = :: room_auth :: __private :: layer (the_layer ()) ;")
    );
    assert!(rest.contains("the_body ()") && !rest.contains("the_layer"));
}

#[test]
fn a_refused_function_leaves_a_stub_that_takes_the_raw_event() {
    let raw = quote!(_: ::room_auth::__private::LambdaEvent<::room_auth::__private::Incoming>);
    let any = quote!(::core::result::Result<::room_auth::__private::Value, ::room_auth::__private::Error>);
    for (refused, stub) in [
        (
            quote! { pub fn f(claims: RoomClaims, event: LambdaEvent<Value>) -> Answer { body() } },
            quote! { pub async fn f(#raw) -> Answer },
        ),
        (
            quote! { const unsafe extern "C" fn f<T>(c: RoomClaims, e: LambdaEvent<T>, mut n: u8, ...) -> Answer { body() } },
            quote! { async fn f<T>(#raw, _: u8) -> Answer },
        ),
        (
            quote! { async fn f() -> Answer { body() } },
            quote! { async fn f(#raw) -> Answer },
        ),
        (
            quote! { async fn f(claims: RoomClaims) { body() } },
            quote! { async fn f(#raw) -> #any },
        ),
        (
            quote! { async fn f(claims: RoomClaims) -> Result<impl WebSocketResponse, Error> { body() } },
            quote! { async fn f(#raw) -> #any },
        ),
        (
            quote! { async fn f(&mut self, c: RoomClaims, e: LambdaEvent<Value>, app: &App) -> Answer { body() } },
            quote! { async fn f(&mut self, #raw, _: &App) -> Answer },
        ),
    ] {
        let (out, errors) = expanded(TokenStream::new(), &refused);
        assert!(!errors.is_empty(), "{refused}");
        assert_eq!(signature(&out), stub.to_string(), "{refused}");
        let function: ItemFn = parse2(out).unwrap();
        let last = function.block.stmts.last().unwrap();
        assert_eq!(
            quote!(#last).to_string(),
            ":: core :: unreachable ! ()",
            "{refused}"
        );
    }
}

#[test]
fn a_function_of_the_future_leaves_a_stub_by_its_name() {
    let unreadable = quote! { pub async gen fn stream(claims: RoomClaims) -> Value { yield body() } };
    let (out, errors) = expanded(TokenStream::new(), &unreadable);
    assert_eq!(errors.len(), 1);
    assert!(signature(&out).starts_with("pub async fn stream (_ : :: room_auth :: __private :: LambdaEvent"));
    assert!(!out.to_string().contains("body"));
}

#[test]
fn what_is_no_function_stays_as_it_is() {
    for item in [
        quote! { struct App; },
        quote! { impl App { fn f() {} } },
        quote! { static F: fn() = f; },
        quote! { extern "C" { fn f(); } },
    ] {
        let (out, errors) = expanded(TokenStream::new(), &item);
        assert_eq!(errors.len(), 1, "{item}");
        assert_eq!(out.to_string(), item.to_string());
    }
}

#[test]
fn with_wrong_arguments_the_function_still_authenticates() {
    let handler = quote! { async fn f(_: RoomClaims, _: LambdaEvent<Value>) -> Answer { the_body() } };
    for args in [
        quote!(unknown = 1),
        quote!(with),
        quote!(with =),
        quote!(with =,),
        quote!(with == 1),
        quote!(with = a, with = b),
        quote!(with = a b),
        quote!(with(a)),
        quote!(with = a; b),
        quote!(LAYER),
        quote!(&LAYER),
        quote!(with = a, optional),
        quote!(with = a, &LAYER),
        quote!(optional),
        quote!("text"),
        quote!(,),
        quote!(=),
    ] {
        let (out, errors) = expanded(args.clone(), &handler);
        assert_eq!(errors.len(), 1, "{args}");
        assert!(
            out.to_string().contains("__private :: layer_from_env ()"),
            "{args}"
        );
    }
    for args in [
        quote!(),
        quote!(with = a),
        quote!(with = a,),
        quote!(with = a == b),
    ] {
        let (_, errors) = expanded(args.clone(), &handler);
        assert_eq!(errors, [""; 0], "{args}");
    }
}

#[test]
fn an_argument_without_a_name_is_shown_with_it() {
    let handler = quote! { async fn f(_: RoomClaims, _: LambdaEvent<Value>) -> Answer { the_body() } };
    for (args, message) in [
        (quote!(&LAYER), "expected a named argument; write `with = &LAYER`"),
        (
            quote!(&mut LAYER),
            "expected a named argument; write `with = &mut LAYER`",
        ),
        (
            quote!(app.auth),
            "expected a named argument; write `with = app.auth`",
        ),
        (
            quote!(&config::LAYER),
            "expected a named argument; write `with = &config::LAYER`",
        ),
        // A second layer would be the next mistake.
        (
            quote!(with = a, &LAYER),
            "expected a named argument; valid arguments: `with = EXPR`, `can = \"NAME\"`",
        ),
        // A word may be anything, and most likely is an argument that does not exist.
        (
            quote!(optional),
            "unknown argument `optional`; valid arguments: `with = EXPR`, `can = \"NAME\"`",
        ),
    ] {
        assert_eq!(expanded(args.clone(), &handler).1, [message], "{args}");
    }
}
