//! What the smallest function links.

use room_auth_tests::program;

/// The names of the packages that `package` is built from.
fn tree(package: &str) -> Vec<String> {
    let output = program::cargo()
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut names: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn connect_links_no_aws_sdk_and_no_tls() {
    let connect = tree("connect");
    for expected in ["connect", "room-auth", "lambda_runtime", "aws-lc-rs"] {
        assert!(
            connect.iter().any(|name| name == expected),
            "{expected} is not in {connect:?}"
        );
    }
    let unwanted: Vec<_> = connect
        .iter()
        .filter(|name| {
            [
                "aws-sdk-",
                "aws-config",
                "aws-smithy-",
                "aws-sigv4",
                "hyper-rustls",
                "rustls",
                "ring",
                "openssl",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        })
        .collect();
    assert!(unwanted.is_empty(), "{unwanted:?}");
}
