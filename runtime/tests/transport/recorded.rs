//! Where the connections of several APIs are reached.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use room_auth::transport::ManagementApi;
use room_auth::{ApiEndpoint, Transport};

use super::id;

/// The network: takes every request, and keeps its URL and the region that it is signed for.
#[derive(Clone, Debug, Default)]
struct Network(Arc<Mutex<Vec<(String, String)>>>);

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let credential = request.headers().get("authorization").unwrap();
        let region = credential.split('/').nth(2).unwrap().to_owned();
        self.0.lock().unwrap().push((request.uri().to_owned(), region));
        let response = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn config(region: &'static str, network: &Network) -> SdkConfig {
    let connector = SharedHttpConnector::new(network.clone());
    let credentials = Credentials::new("local", "local", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

#[tokio::test]
async fn each_connection_is_reached_at_the_endpoint_that_is_recorded_with_it() {
    let network = Network::default();
    let transport = ManagementApi::new(&config("eu-west-1", &network)).unwrap();
    assert!(!transport.has_fixed_endpoint());
    let [prod, canary, test] = ["a1b2c3d4e5/prod", "z9y8x7w6v5/prod", "a1b2c3d4e5/$default"]
        .map(|endpoint| endpoint.parse::<ApiEndpoint>().unwrap());
    transport.post(&prod, &id("abc="), b"{}").await.unwrap();
    transport.post(&canary, &id("abc="), b"{}").await.unwrap();
    transport.close(&test, &id("abc=")).await.unwrap();
    transport.post(&prod, &id("def="), b"{}").await.unwrap();
    let reached = network.0.lock().unwrap().clone();
    let expected = [
        "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/@connections/abc%3D",
        "https://z9y8x7w6v5.execute-api.eu-west-1.amazonaws.com/prod/@connections/abc%3D",
        "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/$default/@connections/abc%3D",
        "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/@connections/def%3D",
    ]
    .map(|url| (url.to_owned(), "eu-west-1".to_owned()));
    assert_eq!(reached, expected);
}

#[tokio::test]
async fn requests_are_signed_for_the_region_of_the_place_they_go_to() {
    for (configured, url, expected) in [
        ("cn-north-1", None, "cn-north-1"),
        ("eu-west-1", Some("https://ws.example.com/chat"), "eu-west-1"),
        (
            "eu-west-1",
            Some("wss://a1.execute-api.us-east-1.amazonaws.com/prod"),
            "us-east-1",
        ),
    ] {
        let network = Network::default();
        let transport = ManagementApi::new(&config(configured, &network)).unwrap();
        let transport = match url {
            Some(url) => transport.with_endpoint_url(url).unwrap(),
            None => transport,
        };
        let at = "a1b2c3d4e5/prod".parse().unwrap();
        transport.post(&at, &id("abc="), b"{}").await.unwrap();
        let reached = network.0.lock().unwrap().clone();
        assert_eq!(reached[0].1, expected, "{url:?}");
    }
}
