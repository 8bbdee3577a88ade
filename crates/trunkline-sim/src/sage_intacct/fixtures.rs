//! The fixture table of the reference, `E1` to `E29`.

use serde_json::{Value, json};

use crate::fault::{Row, edge_page};

const NO_HEADERS: &[(&str, &str)] = &[];
const HTML: &[(&str, &str)] = &[("content-type", "text/html")];
const THROTTLED: &[(&str, &str)] = &[
    ("X-IA-Throttle-Limit", "6"),
    ("X-IA-Throttle-Limit-Remaining", "-1"),
    ("X-IA-Throttle-Limit-Retry-After", "60"),
];
const SUPPORT_ID: &str = "Kxi78%7EZuyXBDEGVHD2UmO1phYXDQAAAAo";

/// The fixture of that name; `None` for an unknown one and for `E13`, a redirect.
pub(crate) fn row(name: &str) -> Option<Row> {
    Some(match name {
        "E1" => gateway(401, "GW-0040", "Expired token"),
        "E2" => api(400, "invalidRequest", "The token is not valid", Some("REST-1206"), &json!([])),
        "E3" => (401, NO_HEADERS, token_invalid().to_string()),
        "E4" => oauth("invalid_grant"),
        "E5" | "E8" => oauth("invalid_client"),
        "E6" => gateway(401, "GW-0031", "Invalid Token"),
        "E7" => gateway(401, "GW-0034", "Authorization header does not start with Bearer"),
        "E9" => {
            let text = "Client ID, Client Secret, and/or third-party application is incorrect";
            api(401, "invalidRequest", text, Some("REST-1216"), &json!([]))
        }
        "E10" => gateway(400, "GW-0012", "The username format is invalid, expected user@company"),
        "E11" => gateway(400, "GW-0032", "Invalid grant_type"),
        "E12" => gateway(400, "GW-0011", "Invalid Request"),
        "E14" => api(403, "permissionDenied", "No permission for this operation", None, &json!([])),
        "E15" => api(403, "permissionDenied", "The module is not subscribed", None, &json!([])),
        "E16" => api(403, "permissionDenied", "The client application is not authorized", None, &json!([])),
        "E17" => api(403, "permissionDenied", "The entity cannot be used", None, &json!([])),
        "E18" => {
            let text = "This needs configuration changes or user permissions";
            let details = json!([{ "errorId": "AR-0279", "message": text }]);
            api(422, "operationFailed", text, None, &details)
        }
        "E19" => {
            let details = json!([{ "errorId": "GL-0951" }, { "errorId": "GL-1009" }]);
            api(422, "operationFailed", "The operation failed", Some("REST-7001"), &details)
        }
        "E20" => {
            let details = json!([{ "errorId": "REST-1043", "target": "/field" }]);
            api(400, "invalidRequest", "Payload contains errors", Some("REST-1064"), &details)
        }
        "E21" => api(400, "invalidRequest", "The request requires a payload", Some("REST-1028"), &json!([])),
        "E22" => api(404, "notFound", "Not found", None, &json!([])),
        "E23" => (429, THROTTLED, gateway(429, "GW-0010", "API rate limit exceeded").2),
        "E24" => (503, &[("retry-after", "120")], gateway(503, "GW-0001", "Cannot process the request").2),
        "E25" => (502, HTML, edge_page("502 Bad Gateway")),
        "E26" => (524, HTML, edge_page("524 A timeout occurred")),
        "E27" => api(409, "invalidRequest", "The idempotency key was used", None, &json!([])),
        "E28" => (207, NO_HEADERS, partial().to_string()),
        "E29" => {
            let error =
                json!({ "code": "operationFailed", "message": "Internal error", "supportId": SUPPORT_ID });
            (500, NO_HEADERS, json!({ "ia::error": error }).to_string())
        }
        _ => return None,
    })
}

fn gateway(status: u16, code: &str, message: &str) -> Row {
    let details = json!({ "requestId": "AC47E9D03B5F1286" });
    let body = json!({ "ia::error": { "code": code, "message": message, "details": details } });
    (status, NO_HEADERS, body.to_string())
}

fn api(status: u16, code: &str, message: &str, error_id: Option<&str>, details: &Value) -> Row {
    let mut error = json!({
        "code": code, "message": message, "supportId": SUPPORT_ID, "details": details,
    });
    if let Some(error_id) = error_id {
        error["errorId"] = error_id.into();
    }
    (status, NO_HEADERS, json!({ "ia::result": { "ia::error": error } }).to_string())
}

fn oauth(code: &str) -> Row {
    (401, NO_HEADERS, json!({ "error": code }).to_string())
}

fn token_invalid() -> Value {
    let info = json!({ "messageId": "IA.TOKEN_IS_INVALID", "placeholders": {}, "propertySet": {} });
    json!({ "error": {
        "code": "tokenInvalid", "message": "Token is not valid", "errorId": "REST-2102",
        "additionalInfo": info, "supportId": SUPPORT_ID,
    }})
}

fn partial() -> Value {
    let done = json!({ "key": "1", "id": "1", "href": "/objects/accounts-payable/vendor/1" });
    let skipped = json!({ "code": "unprocessed", "message": "Not processed", "supportId": SUPPORT_ID });
    json!({
        "ia::result": [
            { "ia::status": 201, "ia::result": done },
            { "ia::status": 422, "ia::error": skipped },
        ],
        "ia::meta": { "totalCount": 2, "totalSuccess": 1, "totalError": 1 },
    })
}
