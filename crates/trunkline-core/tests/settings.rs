//! Settings: each refusal names the key, its place and what is wrong, and never a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use trunkline_core::settings::{self, Problem, SettingsError, Value};
use trunkline_core::{
    BuildConnector, Connector, ConnectorInfo, Error, ErrorKind, Secret, register_connector,
};

const CANARY: &str = "canary-5d1f";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read, never looked at")]
struct AcmeConfig {
    client_id: String,
    client_secret: Secret,
    attempts: Option<u8>,
    environment: Option<Environment>,
    rates: Option<Rates>,
    #[serde(default)]
    labels: BTreeMap<String, u8>,
    #[serde(default)]
    entities: Vec<Entity>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Environment {
    Production,
    Sandbox,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read, never looked at")]
struct Rates {
    per_minute: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read, never looked at")]
struct Entity {
    id: String,
    #[serde(default, deserialize_with = "short")]
    title: String,
}

/// Refuses as third parties do: quoting what it refuses.
fn short<'de, D: serde::Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let text = String::deserialize(input)?;
    if text.len() < 4 { Ok(text) } else { Err(serde::de::Error::custom(format!("`{text}` is too long"))) }
}

impl BuildConnector for AcmeConfig {
    const INFO: ConnectorInfo = ConnectorInfo { title: "Acme", docs: "", methods: &[] };

    fn build(&self, name: &str) -> Result<Arc<dyn Connector>, Error> {
        Err(Error::new(ErrorKind::Unsupported, format!("{name} is here to be read")))
    }
}

register_connector!("acme", AcmeConfig);

type Table = BTreeMap<String, Value>;

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Good settings, with `entries` set over them.
fn acme<const N: usize>(entries: [(&str, Value); N]) -> Table {
    let mut good = table([
        ("provider", Value::text("acme")),
        ("client_id", Value::text("id")),
        ("client_secret", Value::text(CANARY)),
    ]);
    good.extend(table(entries));
    good
}

/// The refusal of `settings`; whatever it is, no form of it shows a value.
fn refusal(settings: Table) -> SettingsError {
    let error = settings::read(settings).expect_err("the settings are refused");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary") && !shown.contains("90210"), "{shown}");
    error
}

fn wrong_type(expected: &str) -> Problem {
    Problem::WrongType { expected: expected.to_owned() }
}

#[test]
fn good_settings_are_read_and_build_under_their_name() {
    let config = settings::read(acme([
        ("attempts", Value::Integer(3)),
        ("environment", Value::text("sandbox")),
        ("rates", Value::Table(table([("per_minute", Value::Integer(60))]))),
        ("entities", Value::List(vec![Value::Table(table([("id", Value::text("one"))]))])),
    ]))
    .unwrap();

    assert!(!format!("{config:?}").contains(CANARY), "{config:?}");
    assert!(config.build("acme_eu").unwrap_err().to_string().starts_with("acme_eu"));
}

#[test]
fn a_misspelt_key_is_refused_by_its_name_with_the_nearest_one() {
    let error = refusal(acme([("client_secrt", Value::text(CANARY))]));

    assert_eq!(error.key, "client_secrt");
    assert_eq!(error.problem, Problem::Unknown { nearest: Some("client_secret".to_owned()) });
    assert!(error.to_string().ends_with("did you mean `client_secret`?"), "{error}");
}

#[test]
fn a_key_that_is_like_no_other_is_refused_without_a_guess() {
    let error = refusal(acme([("colour", Value::text(CANARY))]));

    assert_eq!((error.key.as_str(), error.problem), ("colour", Problem::Unknown { nearest: None }));
}

#[test]
fn a_missing_key_is_named() {
    let mut settings = acme([]);
    settings.remove("client_id");
    let error = refusal(settings);

    assert_eq!((error.key.as_str(), error.problem), ("client_id", Problem::Missing));
}

#[test]
fn a_missing_provider_is_named() {
    let mut settings = acme([]);
    settings.remove("provider");
    let error = refusal(settings);

    assert_eq!((error.key.as_str(), error.problem), ("provider", Problem::Missing));
}

#[test]
fn a_provider_that_is_no_text_is_refused() {
    for value in [Value::Integer(90_210), Value::List(vec![]), Value::Table(table([]))] {
        let error = refusal(acme([("provider", value)]));
        assert_eq!(error.key, "provider");
        assert_eq!(error.problem, wrong_type("the name of a provider"));
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_without_being_shown() {
    let cases = [
        ("client_id", Value::Integer(90_210), "a string"),
        ("client_id", Value::Bool(true), "a string"),
        ("attempts", Value::text(CANARY), "u8"),
        ("attempts", Value::Integer(90_210), "u8"),
        ("attempts", Value::Float(90_210.5), "u8"),
        ("environment", Value::text(CANARY), "one of production, sandbox"),
        ("environment", Value::Integer(90_210), "a text"),
        ("rates", Value::text(CANARY), "struct Rates"),
        ("entities", Value::text(CANARY), "a sequence"),
    ];
    for (key, value, expected) in cases {
        let error = refusal(acme([(key, value)]));
        assert_eq!((error.key.as_str(), error.problem), (key, wrong_type(expected)));
    }
}

#[test]
fn a_secret_of_the_wrong_type_is_refused_without_being_shown() {
    let shapes = [
        Value::Integer(90_210),
        Value::Float(90_210.5),
        Value::Bool(true),
        Value::List(vec![Value::text(CANARY)]),
        Value::Table(table([("env", Value::text(CANARY))])),
    ];
    for value in shapes {
        let error = refusal(acme([("client_secret", value)]));
        assert_eq!((error.key.as_str(), error.problem), ("client_secret", wrong_type("a secret string")));
    }
}

#[test]
fn a_key_in_a_nested_table_is_named_by_its_dotted_place() {
    let rates = |entries| acme([("rates", Value::Table(entries))]);

    let slip = refusal(rates(table([("per_minut", Value::Integer(90_210))])));
    assert_eq!(slip.key, "rates.per_minut");
    assert_eq!(slip.problem, Problem::Unknown { nearest: Some("per_minute".to_owned()) });
    let missing = refusal(rates(table([])));
    assert_eq!((missing.key.as_str(), missing.problem), ("rates.per_minute", Problem::Missing));
    let wrong = refusal(rates(table([("per_minute", Value::text(CANARY))])));
    assert_eq!((wrong.key.as_str(), wrong.problem), ("rates.per_minute", wrong_type("u32")));
}

#[test]
fn an_item_of_a_list_is_named_by_its_number() {
    let good = || Value::Table(table([("id", Value::text("one"))]));

    let error = refusal(acme([("entities", Value::List(vec![good(), Value::Integer(90_210)]))]));
    assert_eq!((error.key.as_str(), error.problem), ("entities.1", wrong_type("struct Entity")));
    let bad = Value::Table(table([("id", Value::Bool(true))]));
    let error = refusal(acme([("entities", Value::List(vec![good(), good(), bad]))]));
    assert_eq!((error.key.as_str(), error.problem), ("entities.2.id", wrong_type("a string")));
}

#[test]
fn the_words_of_a_provider_that_quote_a_value_are_not_kept() {
    let entity = table([("id", Value::text("one")), ("title", Value::text(CANARY))]);
    let error = refusal(acme([("entities", Value::List(vec![Value::Table(entity)]))]));

    assert_eq!((error.key.as_str(), error.problem), ("entities.0.title", Problem::Refused));
}

#[test]
fn the_place_of_a_key_in_the_alphabet_does_not_matter() {
    // Keys come in alphabetical order, so one is before the provider's tag and one after it.
    for key in ["a_stranger", "z_stranger"] {
        let error = refusal(acme([(key, Value::text(CANARY))]));
        assert_eq!((error.key.as_str(), error.problem), (key, Problem::Unknown { nearest: None }));
    }
}

#[test]
fn a_key_is_cut_and_cleaned_before_it_is_shown() {
    let key = format!("\u{1b}[2J{}", "x".repeat(500));

    let error = refusal(acme([(&key, Value::Bool(true))]));
    assert!(error.key.chars().count() <= 64 && !error.key.contains('\u{1b}'), "{error}");
    let labels = Value::Table(table([(&key, Value::text(CANARY))]));
    let error = refusal(acme([("labels", labels)]));
    assert!(error.key.starts_with("labels.") && error.key.chars().count() <= 71, "{error}");
    assert!(!error.key.contains('\u{1b}'), "{error}");
}

#[test]
fn debug_of_a_value_shows_its_shape_alone() {
    let shown = format!("{:?}", acme([("entities", Value::List(vec![Value::text(CANARY)]))]));

    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains(r#""client_secret": a text"#), "{shown}");
}
