//! The format: what is refused when it is read, and how that is said.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_manifest::{Catalogue, MAX_FILE_BYTES, Manifest};

/// What is said about a text: place and message of each problem, then its hint.
fn said(text: &str) -> Vec<String> {
    match Manifest::parse("acme.toml", text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .iter()
            .map(|it| {
                format!("{}:{}: {} | {}", it.line, it.column, it.message, it.hint.as_deref().unwrap_or(""))
            })
            .collect(),
    }
}

fn refused(changes: &[(&str, &str)], expected: &str) {
    let found = said(&acme(changes));
    assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:#?}");
}

#[test]
fn the_least_manifest_is_sound() {
    let manifest = manifest(ACME);
    assert_eq!((manifest.name(), manifest.title()), ("acme", "Acme"));
    assert_eq!(manifest.methods(), ["authorization_code"]);
}

#[test]
fn a_problem_is_printed_as_a_compiler_does() {
    let text = acme(&[("token_endpoint", "token_endpiont")]);
    let problems = Manifest::parse("manifests/acme.toml", &text).unwrap_err().to_string();
    assert_eq!(
        problems,
        "error: `token_endpiont` is not a key here\n  --> manifests/acme.toml:15:1\n   |\n\
         15 | token_endpiont = \"https://login.acme.example/token\"\n   | ^^^^^^^^^^^^^^\n\
         \x20 hint: did you mean `token_endpoint`?"
    );
}

#[test]
fn unknown_keys_are_refused_everywhere_with_the_nearest_or_all_known_ones() {
    for (from, to, key) in [
        ("title =", "titel =", "did you mean `title`?"),
        ("checked =", "checkd =", "did you mean `checked`?"),
        ("base_url =", "baseurl =", "did you mean `base_url`?"),
        ("user =", "usr =", "did you mean `user`?"),
        ("[identity]", "[idenity]", "did you mean `identity`?"),
        ("[identity]", "[frobnicate]\nx = 1\n[identity]", "the keys here are: manifest, name, title"),
        ("[api]", "[oauth2.renewal]\nmargin = 5\n[api]", "did you mean `margin_s`?"),
        (
            "[api]",
            "[inputs.a]\ntitle = 'A'\nexample = 'a'\nkind = 'x'\n[api]",
            "the keys here are: title, example",
        ),
    ] {
        refused(&[(from, to)], key);
    }
}

#[test]
fn what_is_not_supported_is_said_to_be_so() {
    for (changes, expected) in [
        (("[api]", "[aws_sigv4]\nx = 1\n[api]"), "`aws_sigv4` is not supported by this version"),
        (
            ("\"authorization_code\"", "\"urn:ietf:params:oauth:grant-type:device_code\""),
            "the device grant (RFC 8628) is called `device_code` here",
        ),
        (("\"authorization_code\"", "\"password\""), "RFC 9700 forbids it"),
        (
            ("scopes =", "token_endpoint_auth_method = 'client_secret_jwt'\nscopes ="),
            "not supported by this version",
        ),
        (("manifest = 1", "manifest = 2"), "this version reads `manifest = 1`"),
    ] {
        refused(&[changes], expected);
    }
}

#[test]
fn missing_keys_and_wrong_values_are_named_without_quoting_the_value() {
    for (changes, expected) in [
        (("title = \"Acme\"", ""), "the key `title` is missing"),
        (
            ("token_endpoint = \"https://login.acme.example/token\"", ""),
            "the key `token_endpoint` is missing",
        ),
        (("title = \"Acme\"", "title = 90210777"), "this must be a string"),
        (("scopes = [\"read\"]", "scopes = \"read\""), "this must be a sequence"),
        (("\"authorization_code\"", "\"autorization_code\""), "did you mean `authorization_code`?"),
        (("title = \"Acme\"", "title = \"Acme\"\ntitle = \"Acme\""), "a key or table stands twice"),
        (("name = \"acme\"", "name = \"Acme\""), "lower-case letters"),
        (("checked = \"2026-11-25\"", "checked = \"yesterday\""), "this must be a day"),
        (("docs = \"https://", "docs = \"http://"), "this must be an https address"),
        (
            ("allowed_hosts = [\"login.acme.example\", \"api.acme.example\"]", "allowed_hosts = []"),
            "can send nothing",
        ),
        (("grant_types = [\"authorization_code\"]", "grant_types = []"), "`grant_types` lists at least one"),
        (
            ("authorization_endpoint = \"https://login.acme.example/authorize\"", ""),
            "`authorization_endpoint` is missing",
        ),
    ] {
        refused(&[changes], expected);
        assert!(!said(&acme(&[changes])).concat().contains("90210777"));
    }
}

#[test]
fn several_problems_are_said_at_once_each_at_its_place() {
    let text = acme(&[
        ("https://login.acme.example/token", "https://evil.example/token"),
        ("{response.id}", "{capture.nothing}"),
        ("docs = \"https://", "docs = \"ftp://"),
    ]);
    let found = said(&text);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("5:8: this must be an https address"));
    assert!(found[1].starts_with("15:18: the host `evil.example` is not among the allowed hosts"));
    assert!(found[2].starts_with("23:8: there is no capture `nothing`"));
}

#[test]
fn what_is_declared_is_used_and_what_is_used_is_declared() {
    let input = "[inputs.region]\ntitle = 'Region'\nexample = 'eu'\npattern = '[a-z]+'\n[api]";
    refused(&[("[api]", input)], "the input `region` is never used");
    let capture = "[captures.realm]\nfrom = 'callback'\npattern = '[0-9]+'\n[api]";
    refused(&[("[api]", capture)], "the capture `realm` is never used");
    let used = ("{response.id}", "{response.id}-{input.regoin}");
    refused(&[("[api]", input), used], "there is no input `regoin` | did you mean `region`?");
    refused(&[("{response.id}", "{input.other}")], "there is no input `other` | declare it: [inputs.other]");
    refused(
        &[("{response.id}", "{credential.access_token}")],
        "`credential` cannot stand here | here may stand `response`",
    );
}

const SUB: &str = "[inputs.sub]\ntitle = 'Subdomain'\nexample = 'acme'\npattern = '[a-z0-9-]+'\n[api]";
const HOSTS: (&str, &str) = ("\"api.acme.example\"]", "\"api.acme.example\", \"*.eu.example\"]");

#[test]
fn an_expression_fills_a_label_of_an_allowed_host_or_a_segment_of_a_path() {
    let base = "https://api.acme.example/v1\"";
    for good in [
        "https://{input.sub}.eu.example/v1\"",
        "https://a-{input.sub}.x.eu.example\"",
        "https://api.acme.example/{input.sub}/v1\"",
    ] {
        assert_eq!(said(&acme(&[("[api]", SUB), HOSTS, (base, good)])), Vec::<String>::new(), "{good}");
    }
    for (bad, why) in [
        ("https://{input.sub}.other.example\"", "the host `….other.example` is not among the allowed hosts"),
        ("https://{input.sub}.acme.example\"", "the host `….acme.example` is not among the allowed hosts"),
        ("https://api.{input.sub}.example\"", "the two last labels of a host are fixed"),
        ("https://api.acme.{input.sub}\"", "the two last labels of a host are fixed"),
        ("https://{input.sub}\"", "the two last labels of a host are fixed"),
        ("https://{input.sub}/api.acme.example\"", "the two last labels of a host are fixed"),
        ("https://{input.sub}@api.acme.example\"", "no user information"),
        ("https://api.acme.example:{input.sub}/\"", "a port is a number"),
        ("https://x:{input.sub}@api.acme.example/\"", "no user information"),
        ("{input.sub}://api.acme.example\"", "a URL begins with https://"),
        ("{input.sub}\"", "a URL begins with https://"),
        ("http://api.acme.example\"", "plain http is for loopback only"),
        ("https://api.acme.example/x?a={input.sub}\"", "may not stand in a URL's query"),
        ("https://api.acme.example/x#{input.sub}\"", "a URL's path has no `#`"),
        ("https://api.acme.example/a/../{input.sub}\"", "a URL's path has no"),
        ("https://{input.sub}.eu.example\\\\@evil.test/\"", "no `#`, `\\`"),
        ("https://10.0.0.1/{input.sub}\"", "not among the allowed hosts"),
    ] {
        refused(&[("[api]", SUB), HOSTS, (base, bad)], why);
    }
}

#[test]
fn a_pattern_that_could_leave_its_label_or_segment_is_refused() {
    let base = "https://api.acme.example/v1\"";
    for pattern in
        ["[a-z.]+", "[a-z/]+", "[a-z@]+", "[a-z:]+", "[a-z?]+", "[a-z#]+", "[a-z%]+", "[ -~]+", "[a-z]*"]
    {
        let input = SUB.replace("[a-z0-9-]+", pattern);
        let host = (base, "https://{input.sub}.eu.example\"");
        refused(&[("[api]", &input), HOSTS, host], "the input `sub` is a label of a host");
        if pattern != "[a-z.]+" {
            let path = (base, "https://api.acme.example/{input.sub}\"");
            refused(&[("[api]", &input), path], "the input `sub` is a segment of a path");
        }
    }
    let without = SUB.replace("pattern = '[a-z0-9-]+'", "");
    refused(
        &[("[api]", &without), HOSTS, (base, "https://{input.sub}.eu.example\"")],
        "needs a `pattern` or `one_of`",
    );
}

#[test]
fn an_input_that_lists_its_values_may_choose_among_allowed_domains() {
    let base = "https://api.acme.example/v1\"";
    let input =
        |values: &str| format!("[inputs.dc]\ntitle = 'DC'\nexample = 'com'\none_of = {values}\n[api]");
    let hosts = ("\"api.acme.example\"]", "\"api.acme.example\", \"api.zed.com\", \"api.zed.com.au\"]");
    let url = (base, "https://api.zed.{input.dc}/v1\"");
    assert_eq!(said(&acme(&[("[api]", &input("['com', 'com.au']")), hosts, url])), Vec::<String>::new());
    refused(
        &[("[api]", &input("['com', 'evil.test']")), hosts, url],
        "the host `api.zed.evil.test` is not among",
    );
    refused(&[("[api]", &input("['com', 'com@evil.test']")), hosts, url], "no user information");
    refused(&[("[api]", &input("['com', 'com/x']")), hosts, url], "no user information");
}

#[test]
fn a_url_begins_with_a_capture_only_where_its_hosts_are_listed() {
    let base = "https://api.acme.example/v1\"";
    let url = (base, "{capture.api_domain}/v1\"");
    let capture = |how: &str| format!("[captures.api_domain]\nfrom = 'token_response'\n{how}\n[api]");
    assert_eq!(
        said(&acme(&[("[api]", &capture("hosts = ['*.eu.example']")), HOSTS, url])),
        Vec::<String>::new()
    );
    refused(
        &[("[api]", &capture("hosts = ['*.evil.example']")), HOSTS, url],
        "`*.evil.example` is not among the allowed hosts",
    );
    refused(&[("[api]", &capture("pattern = '[a-z]+'")), HOSTS, url], "only if that has `hosts`");
    refused(&[("[api]", &capture("")), HOSTS, url], "needs one of `pattern`, `one_of` and `hosts`");
    let glued = (base, "{capture.api_domain}.evil.test/v1\"");
    refused(
        &[("[api]", &capture("hosts = ['*.eu.example']")), HOSTS, glued],
        "after a capture that is a URL stands a `/`",
    );
    let at = (base, "{capture.api_domain}@evil.test\"");
    refused(
        &[("[api]", &capture("hosts = ['*.eu.example']")), HOSTS, at],
        "after a capture that is a URL stands a `/`",
    );
}

#[test]
fn a_secret_in_clear_is_refused_and_never_quoted() {
    let canary = "canary-0123456789";
    let line = |key: &str| format!("{key} = \"{canary}\"\nscopes");
    for (changes, expected) in [
        (("scopes", line("client_secret")), "a secret never stands in a manifest"),
        (("scopes", line("password")), "a secret never stands in a manifest"),
        (
            ("scopes", format!("token_params = {{ client_secret = \"{canary}\" }}\nscopes")),
            "a secret in clear: `client_secret`",
        ),
        (
            ("scopes", format!("authorization_params = {{ api_key = \"{canary}\" }}\nscopes")),
            "a secret in clear: `api_key`",
        ),
        (
            ("[identity]", format!("[api.headers]\nAuthorization = \"Basic {canary}\"\n[identity]")),
            "a secret in clear: `Authorization`",
        ),
        (
            ("[identity]", format!("[api.headers]\nX-Api-Key = \"{canary}\"\n[identity]")),
            "a secret in clear: `X-Api-Key`",
        ),
        (
            ("[api]", format!("[oauth2.injection.headers]\nX-Token = \"{canary}\"\n[api]")),
            "anything else is a secret in clear",
        ),
        (("scopes", format!("client_secret = {canary}\nscopes")), ""),
    ] {
        let text = acme(&[(changes.0, &changes.1)]);
        let problems = Manifest::parse("acme.toml", &text).unwrap_err();
        let printed = format!("{problems}{problems:?}");
        assert!(printed.contains(expected), "{printed}");
        assert!(!printed.contains("canary"), "{printed}");
    }
}

#[test]
fn a_secret_input_goes_into_no_text_that_is_shown() {
    let input = "[inputs.key]\ntitle = 'Key'\nexample = 'k'\npattern = '[a-z]+'\nsecret = true\n[api]";
    for to in [
        ("https://api.acme.example/v1\"", "https://api.acme.example/{input.key}\""),
        ("scopes =", "authorization_params = { a = '{input.key}' }\nscopes ="),
        ("{response.id}", "{input.key}"),
    ] {
        refused(&[("[api]", input), to], "the input `key` is a secret, and this text is not");
    }
}

#[test]
fn a_token_is_never_a_capture() {
    for member in ["access_token", "refresh_token", "id_token", "client_secret"] {
        let capture =
            format!("[captures.x]\nfrom = 'token_response'\nmember = '{member}'\npattern = '[a-z]+'\n[api]");
        refused(
            &[("[api]", &capture), ("{response.id}", "{capture.x}")],
            "is a secret, and captures are none",
        );
    }
}

#[test]
fn what_the_grants_refuse_is_found_when_it_is_read() {
    refused(
        &[("scopes =", "token_params = { grant_type = 'x' }\nscopes =")],
        "the parameter `grant_type` is set by the grant",
    );
    // The names of the client are free for a login, which has none.
    refused(
        &[("scopes =", "token_params = { client_id = 'x' }\nscopes =")],
        "the parameter `client_id` is set by the grant",
    );
    refused(
        &[("scopes =", "authorization_params = { state = 'x' }\nscopes =")],
        "would stand twice in the authorization URL",
    );
    refused(&[("scopes =", "token_request_method = 'GET'\nscopes =")], "needs `token_request_encoding");
    refused(&[("scopes =", "parameter_names = { client_di = 'x' }\nscopes =")], "did you mean `client_id`?");
    refused(
        &[("scopes =", "omitted_params = ['code_verifier']\nscopes =")],
        "only `redirect_uri` and `scope`",
    );
}

#[test]
fn an_example_is_a_good_value() {
    refused(&[("[api]", &SUB.replace("'acme'", "'Not Good'"))], "the example is no good value of this input");
}

#[test]
fn an_error_matcher_matches_something_and_names_a_cause() {
    let matcher = |body: &str| format!("[[errors]]\n{body}\n[api]");
    refused(&[("[api]", &matcher("cause = 'grant_revoked'"))], "this one would match everything");
    refused(&[("[api]", &matcher("codes = ['']\ncause = 'grant_revoked'"))], "an empty text would be found");
    refused(&[("[api]", &matcher("codes = ['x']\ncause = 'grant_revokd'"))], "did you mean `grant_revoked`?");
    refused(
        &[("[api]", &matcher("status = [42]\ncause = 'rate_limited'"))],
        "a status is a number from 100 to 599",
    );
    for pause in [0, 86_401] {
        let text = matcher(&format!("status = [503]\ncause = 'rate_limited'\nretry_after_s = {pause}"));
        refused(&[("[api]", &text)], "a pause is 1 to 86400 seconds");
    }
    refused(
        &[("[api]", &matcher("status = [403]\ncause = 'user_disabled'\nretry_after_s = 5"))],
        "only what passes by itself",
    );
}

#[test]
fn a_statement_that_would_be_over_or_leaves_no_place_for_scopes_is_refused() {
    let jwt = |more: &str| {
        format!(
            "[inputs.key]\ntitle = 'Key'\nexample = 'PEM'\nsecret = true\n[jwt_bearer]\nprivate_key = 'key'\n\
             token_endpoint = 'https://login.acme.example/token'\nclaims = {{ iss = 'x' }}\n{more}\n[api]"
        )
    };
    let over = "the statement would be over before it is sent";
    refused(&[("[api]", &jwt("backdate_s = 300"))], over);
    refused(&[("[api]", &jwt("lifetime_s = 60\nbackdate_s = 60"))], over);
    let in_header = "statement_in = 'authorization'\nscopes = ['read']";
    refused(&[("[api]", &jwt(in_header))], "no parameter is sent that could hold scopes");
    for sound in ["backdate_s = 299", &format!("{in_header}\nscope_claim = true")] {
        assert_eq!(said(&acme(&[("[api]", &jwt(sound))])), [""; 0]);
    }
}

#[test]
fn a_manifest_takes_from_another_what_it_does_not_say() {
    let child = r#"
manifest = 1
name = "acme_files"
extends = "acme"
title = "Acme Files"
[oauth2]
scopes = ["files.read"]
[oauth2.renewal]
margin_s = 90
"#;
    let catalogue = Catalogue::parse([("child.toml", child), ("acme.toml", ACME)]).unwrap();
    assert_eq!(catalogue.len(), 2);
    let files = catalogue.get("acme_files").unwrap();
    assert_eq!(
        (files.title(), files.docs(), files.extends()),
        ("Acme Files", "https://docs.acme.example/api", Some("acme"))
    );
    // A problem of what is inherited is told at its own place.
    let bad = acme(&[("https://login.acme.example/token", "https://evil.example/token")]);
    let problems = Catalogue::parse([("child.toml", child), ("acme.toml", &bad)]).unwrap_err();
    let found: Vec<_> = problems.iter().map(|it| (it.file.as_str(), it.line)).collect();
    assert_eq!(found, [("acme.toml", 15)]);
}

#[test]
fn circles_unknown_bases_and_two_of_one_name_are_refused() {
    let extending = |name: &str, base: &str| {
        ACME.replace("name = \"acme\"", &format!("name = \"{name}\"\nextends = \"{base}\""))
    };
    let said = |files: &[(&str, &str)]| Catalogue::parse(files.iter().copied()).unwrap_err().to_string();
    let (one, two) = (extending("one", "two"), extending("two", "one"));
    let circle = said(&[("one.toml", &one), ("two.toml", &two)]);
    assert!(circle.contains("in a circle: one → two → one"), "{circle}");
    let own = extending("one", "one");
    assert!(said(&[("one.toml", &own)]).contains("in a circle: one → one"));
    let unknown = said(&[("acme.toml", ACME), ("one.toml", &extending("one", "acmee"))]);
    assert!(
        unknown.contains("there is no manifest `acmee`") && unknown.contains("did you mean `acme`?"),
        "{unknown}"
    );
    let twice = said(&[("a.toml", ACME), ("b.toml", ACME)]);
    assert!(
        twice.contains("two manifests are called `acme`") && twice.contains("the other one is in a.toml"),
        "{twice}"
    );
    let mut chain: Vec<(String, String)> =
        (0..10).map(|n| (format!("{n}.toml"), extending(&format!("m{n}"), &format!("m{}", n + 1)))).collect();
    chain.push(("10.toml".to_owned(), ACME.replace("\"acme\"", "\"m10\"")));
    let files: Vec<_> = chain.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    assert!(said(&files).contains("a chain of more than 8 manifests"));
}

#[test]
fn a_text_that_is_too_long_or_no_toml_is_refused() {
    let long = format!("{ACME}\n# {}", "x".repeat(MAX_FILE_BYTES));
    assert!(said(&long)[0].contains("a manifest has at most 65536 bytes"));
    for text in [
        "",
        "=",
        "[",
        "a = ",
        "\u{0}",
        "name = 'x",
        "\u{feff}",
        "[[a]]\n[a]",
        &"[".repeat(10_000),
        &"a.".repeat(5_000),
    ] {
        assert!(!said(text).is_empty(), "{text:.20}");
    }
}

/// A manifest with something of everything.
const WHOLE: &str = include_str!("../benches/manifest.toml");

#[test]
fn no_table_takes_a_key_that_it_does_not_know() {
    manifest(WHOLE);
    let headers: Vec<usize> = WHOLE
        .lines()
        .enumerate()
        .filter(|(_, line)| line.starts_with('['))
        .map(|(number, _)| number)
        .collect();
    assert!(headers.len() > 12);
    for header in headers {
        let lines: Vec<&str> = WHOLE.lines().collect();
        // Tables whose keys are names of the author's take any name, and no number.
        let text = [&lines[..=header], &["zzz_unknown = 1"], &lines[header + 1..]].concat().join("\n");
        let found = said(&text);
        assert_eq!(found.len(), 1, "{}: {found:?}", lines[header]);
        assert!(
            found[0].starts_with(&format!("{}:1: `zzz_unknown`", header + 2)) || found[0].contains("must be"),
            "{found:?}"
        );
    }
}

#[test]
fn no_line_can_be_missing_without_being_missed_or_being_optional() {
    for line in [
        "manifest = 1",
        "name = ",
        "title = ",
        "docs = ",
        "allowed_hosts",
        "urls = ",
        "checked = ",
        "grant_types",
        "token_endpoint = ",
        "base_url",
    ] {
        let text: Vec<&str> = WHOLE.lines().filter(|other| !other.starts_with(line)).collect();
        assert!(!said(&text.join("\n")).is_empty(), "{line}");
    }
}

#[test]
fn no_text_panics() {
    let texts = [WHOLE, &WHOLE.replace("Service", "Sérvïce 服务")];
    for text in texts {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(5).collect();
        for at in places {
            for inserted in ["\"", "{", "}", "[", "\n", "=", "é", "\u{0}", "{input.", "\\"] {
                let (before, after) = text.split_at(at);
                let problems = Manifest::parse("acme.toml", &format!("{before}{inserted}{after}"));
                if let Err(problems) = problems {
                    assert!(!problems.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn the_state_of_a_consent_is_called_so() {
    refused(
        &[("scopes =", "parameter_names = { state = 'nonce' }\nscopes =")],
        "what comes back is found by it",
    );
}

#[test]
fn a_signature_of_the_callback_needs_a_callback_and_a_secret() {
    let hmac = "callback_hmac = 'hmac'\n";
    for (changes, expected) in [
        (("scopes =", "callback_hmac = 'code'\nscopes ="), "the parameter that holds the signature"),
        (("scopes =", &*format!("{hmac}callback_code = 'auth_code'\nscopes =")), "its code is called `code`"),
        (
            ("scopes =", &format!("{hmac}token_endpoint_auth_method = 'none'\nscopes =")),
            "this client has none",
        ),
        (
            (
                "grant_types = [\"authorization_code\"]\nauthorization_endpoint = \"https://login.acme.example/authorize\"",
                &format!("grant_types = ['client_credentials']\n{hmac}"),
            ),
            "nothing comes back with a person",
        ),
        (
            (
                "[oauth2]",
                &format!(
                    "[inputs.id]\ntitle = 'Id'\nexample = 'a'\n[inputs.secret]\ntitle = 'S'\nexample = 'b'\n\
                     secret = true\n[oauth2]\nclient_id_input = 'id'\nclient_secret_input = 'secret'\n{hmac}"
                ),
            ),
            "the settings' own client",
        ),
    ] {
        refused(&[changes], expected);
    }
}
