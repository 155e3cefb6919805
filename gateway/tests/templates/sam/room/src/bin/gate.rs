fn main() {
    room::run(|event| {
        let effect = if event.contains(r#""token":"let-me-in""#) {
            "Allow"
        } else {
            "Deny"
        };
        format!(
            r#"{{"principalId":"somebody","policyDocument":{{"Version":"2012-10-17","Statement":[
                {{"Action":"execute-api:Invoke","Effect":"{effect}","Resource":"*"}}]}}}}"#
        )
    });
}
