//! The fixture table of the reference: `T01` to `T36`, `R01` to `R26`, `I01` to `I04`, `V01` to `V03`.

use serde_json::{Value, json};

use crate::fault::{Row, edge_page};

const NO_HEADERS: &[(&str, &str)] = &[];
const HTML: &[(&str, &str)] = &[("content-type", "text/html;charset=UTF-8")];
const TEXT: &[(&str, &str)] = &[("content-type", "text/plain;charset=UTF-8")];
const NONCE: &[(&str, &str)] = &[("dpop-nonce", "eyJ7S_zG.eyJH0-Z.HX4w-7v")];

/// The fixture of that name. `None` for an unknown one and for `T35`, which is a success.
pub(crate) fn row(name: &str) -> Option<Row> {
    Some(match name {
        "R20" => rest(503, "SERVER_UNAVAILABLE", "Server is unavailable"),
        "R21" => (403, HTML, edge_page("403 Forbidden")),
        "R22" => {
            let base = "/services/data/v65.0/sobjects/Account/001xx000003DGb";
            (300, NO_HEADERS, json!([format!("{base}2AAG"), format!("{base}3AAG")]).to_string())
        }
        "R23" => (200, NO_HEADERS, refused_in_collection().to_string()),
        "R13" => {
            let mut error =
                rest_error("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name");
            error["fields"] = json!(["Name"]);
            (400, NO_HEADERS, json!([error]).to_string())
        }
        "T32" => (503, HTML, edge_page("Service Unavailable")),
        "T36" => (200, NO_HEADERS, r#"{"access_token":"00Dxx0000001gER!AQ4AQ","refresh_tok"#.to_owned()),
        "I01" => word(403, "Bad_OAuth_Token"),
        "I02" => word(403, "Missing_OAuth_Token"),
        "I03" => word(403, "Wrong_Org"),
        "I04" => (200, NO_HEADERS, json!({ "active": false }).to_string()),
        _ => return token_row(name).or_else(|| rest_row(name)),
    })
}

fn token_row(name: &str) -> Option<Row> {
    let (error, description) = match name {
        "T01" => ("invalid_grant", "expired access/refresh token"),
        "T02" => ("invalid_grant", "token request is already being processed"),
        "T03" | "T04" | "T21" => ("invalid_grant", "expired authorization code"),
        "T05" => ("invalid_grant", "invalid authorization code"),
        "T06" => ("invalid_grant", "invalid code verifier"),
        "T07" => ("invalid_grant", "inactive user"),
        "T08" => ("inactive_user", "user is inactive"),
        "T09" => ("inactive_org", "organization is locked, closed, or suspended"),
        "T10" => ("invalid_grant", "ip restricted or invalid login hours"),
        "T11" => ("invalid_grant", "authentication failure"),
        "T12" => ("invalid_client", "invalid client credentials"),
        "T13" => ("invalid_client_id", "client identifier invalid"),
        "T14" => ("app_not_found", "External client app is not installed in this org"),
        "T15" => ("invalid_client", "app must be installed into org"),
        "T16" => ("app_blocked", "fail_close_app_blocked"),
        "T17" => ("invalid_app_access", "user is not admin approved to access this app"),
        "T18" => ("invalid_grant", "user hasn't approved this consumer"),
        "T19" => ("invalid_grant", "invalid assertion"),
        "T20" => ("invalid_grant", "audience is invalid"),
        "T22" => ("invalid_grant", "no client credentials user enabled"),
        "T23" => ("invalid_grant", "request not supported on this domain"),
        "T24" => ("oauth_flow_disabled", ""),
        "T25" => ("unsupported_grant_type", "grant type not supported"),
        "T26" => ("invalid_scope", ""),
        "T27" => ("redirect_uri_mismatch", ""),
        "T28" => ("unknown_error", "retry your request"),
        "T29" => ("rate_limit_exceeded", "login rate exceeded"),
        "T30" => ("invalid_grant", "activation secret invalid"),
        "T31" => ("use_dpop_nonce", ""),
        "T33" => ("authorization_pending", ""),
        "T34" => ("invalid_session_level", ""),
        "V01" => ("invalid_token", ""),
        "V02" => ("unsupported_token_type", ""),
        "V03" => ("server_error", ""),
        _ => return None,
    };
    let mut body = json!({ "error": error });
    if !description.is_empty() {
        body["error_description"] = description.into();
    }
    let status = if name == "V03" { 503 } else { 400 };
    Some((status, if name == "T31" { NONCE } else { NO_HEADERS }, body.to_string()))
}

fn rest_row(name: &str) -> Option<Row> {
    const NO_REST: &str = "This session is not valid for use with the REST API";
    Some(match name {
        "R01" | "R02" => rest(401, "INVALID_SESSION_ID", "Session expired or invalid"),
        "R03" => rest(401, "INVALID_SESSION_ID", NO_REST),
        "R04" => rest(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
        "R05" => rest(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        "R06" => rest(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
        "R07" => rest(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."),
        "R08" => rest(403, "API_CURRENTLY_DISABLED", "API is disabled for this User"),
        "R09" => rest(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id"),
        "R10" => rest(400, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"),
        "R11" => {
            let message = "insufficient access rights on cross-reference id";
            rest(400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", message)
        }
        "R12" => rest(400, "INVALID_FIELD", "No such column 'Industry' on entity 'Account'."),
        "R14" => rest(400, "INVALID_TYPE", "sObject type 'Foo__c' is not supported."),
        "R15" => rest(404, "NOT_FOUND", "The requested resource does not exist"),
        "R16" => {
            let message = "Provided external ID field does not exist or is not accessible: Foo__c";
            rest(404, "NOT_FOUND", message)
        }
        "R17" => rest(400, "ENTITY_IS_DELETED", "entity is deleted"),
        "R18" => rest(400, "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        "R19" => rest(400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
        "R24" => rest(410, "UNSUPPORTED_API_VERSION", "This API version is retired"),
        "R25" => rest(400, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The password of the user has expired"),
        "R26" => rest(403, "FUNCTIONALITY_NOT_ENABLED", "This functionality is not enabled"),
        _ => return None,
    })
}

fn rest(status: u16, code: &str, message: &str) -> Row {
    (status, NO_HEADERS, json!([rest_error(code, message)]).to_string())
}

fn rest_error(code: &str, message: &str) -> Value {
    json!({ "message": message, "errorCode": code })
}

fn word(status: u16, text: &str) -> Row {
    (status, TEXT, text.to_owned())
}

fn refused_in_collection() -> Value {
    let message = "insufficient access rights on object id";
    let error = json!({ "statusCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": message, "fields": [] });
    json!([{ "success": false, "errors": [error] }])
}
