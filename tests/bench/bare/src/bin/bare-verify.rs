//! `bare`, and one raw RSA verification per event: of the same message each time, with a prepared key. What it
//! takes more than `bare` is the price of a verification in the middle of a function's work, with cold caches.

use std::sync::LazyLock;

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bench_bare::ok;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;

struct Work {
    key: ParsedPublicKey,
    message: String,
    signature: Vec<u8>,
}

static WORK: LazyLock<Work> = LazyLock::new(|| {
    let variable = |name| std::env::var(name).expect("the benchmark sets KEY_DER and TOKEN");
    let decode = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .expect("the benchmark writes base64url")
    };
    let token = variable("TOKEN");
    let (message, signature) = token.rsplit_once('.').expect("a token has three parts");
    Work {
        key: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, decode(&variable("KEY_DER")))
            .expect("the benchmark's key is a good key"),
        message: message.to_owned(),
        signature: decode(signature),
    }
});

async fn connect(_: LambdaEvent<IgnoredAny>) -> Result<ApiGatewayProxyResponse, Error> {
    WORK.key.verify_sig(WORK.message.as_bytes(), &WORK.signature)?;
    Ok(ok())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    LazyLock::force(&WORK);
    lambda_runtime::run(service_fn(connect)).await
}
