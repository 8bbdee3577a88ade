//! Reads envelopes from JSON in one pass, keeping nothing but what is looked for.
//!
//! A member of another type than documented is nothing. A member that stands twice makes the body
//! unreadable: which of the two is meant cannot be known, and a grant must not die by it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use trunkline_core::ServiceText;

use super::{MAX_DETAILS, MAX_ERRORS, ServiceError};

/// A body, or one operation of a batch.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(super) struct Node {
    #[serde(rename = "ia::error")]
    pub(super) error: Lenient<Stated>,
    #[serde(rename = "ia::result")]
    pub(super) result: Lenient<Outcome>,
    #[serde(rename = "ia::status")]
    pub(super) status: Lenient<Status>,
    #[serde(rename = "error")]
    pub(super) bare: Lenient<Stated>,
    pub(super) error_description: Lenient<Text>,
}

/// What `ia::result` holds, or the body itself: the bare list of a batch has been seen.
#[derive(Default)]
pub(super) enum Outcome {
    #[default]
    Other,
    Object(Box<Node>),
    List(Operations),
}

/// The operations of a batch: those that failed, and how many did not.
#[derive(Default)]
pub(super) struct Operations {
    pub(super) failed: Vec<ServiceError>,
    pub(super) succeeded: usize,
}

/// What stands under `ia::error` or `error`.
#[derive(Default)]
pub(super) enum Stated {
    #[default]
    Nothing,
    Text(ServiceText),
    Errors(Vec<ServiceError>),
}

#[derive(Default)]
pub(super) struct Text(pub(super) Option<ServiceText>);

#[derive(Default)]
pub(super) struct Status(pub(super) Option<u16>);

/// The members of an error, and of each of its details.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Members {
    code: Lenient<Text>,
    message: Lenient<Text>,
    #[serde(rename = "errorId")]
    error_id: Lenient<Text>,
    #[serde(rename = "additionalInfo")]
    info: Lenient<Info>,
    target: Lenient<Text>,
    correction: Lenient<Text>,
    #[serde(rename = "supportId")]
    support_id: Lenient<Text>,
    details: Lenient<Details>,
}

#[derive(Default)]
struct Info(Option<ServiceText>);

#[derive(Default)]
enum Details {
    #[default]
    Other,
    /// The gateway's are an object that names the request.
    Request(Option<ServiceText>),
    List(Vec<ServiceError>),
}

impl From<Members> for ServiceError {
    fn from(members: Members) -> Self {
        let (request, details) = match members.details.0 {
            Details::List(details) => (None, details),
            Details::Request(id) => (id, Vec::new()),
            Details::Other => (None, Vec::new()),
        };
        Self {
            code: members.code.0.0,
            message: members.message.0.0,
            error_id: members.error_id.0.0,
            message_id: members.info.0.0,
            target: members.target.0.0,
            correction: members.correction.0.0,
            support_id: members.support_id.0.0.or(request),
            status: None,
            position: None,
            details,
        }
    }
}

/// What can be made of a JSON value of any type; by default nothing.
pub(super) trait FromAny: Default {
    fn text(_: &str) -> Self {
        Self::default()
    }

    fn number(_: u64) -> Self {
        Self::default()
    }

    fn object<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl FromAny for Text {
    fn text(text: &str) -> Self {
        let text = ServiceText::new(text);
        Self((!text.as_str().is_empty()).then_some(text))
    }

    fn number(number: u64) -> Self {
        Self::text(&number.to_string())
    }
}

impl FromAny for Status {
    fn text(text: &str) -> Self {
        Self(text.parse().ok())
    }

    fn number(number: u64) -> Self {
        Self(u16::try_from(number).ok())
    }
}

impl FromAny for Info {
    fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        struct Named {
            #[serde(rename = "messageId")]
            message_id: Lenient<Text>,
        }

        Ok(Self(read::<Named, A>(map)?.message_id.0.0))
    }
}

impl FromAny for Details {
    fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        struct Named {
            #[serde(rename = "requestId")]
            request_id: Lenient<Text>,
        }

        Ok(Self::Request(read::<Named, A>(map)?.request_id.0.0))
    }

    fn list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        let mut details = errors(list, MAX_DETAILS)?;
        // What lies behind a detail is not told.
        details.iter_mut().for_each(|detail| detail.details = Vec::new());
        Ok(Self::List(details))
    }
}

impl FromAny for Stated {
    fn text(text: &str) -> Self {
        Text::text(text).0.map_or(Self::Nothing, Self::Text)
    }

    fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self::Errors(vec![read::<Members, A>(map)?.into()]))
    }

    fn list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Ok(Self::Errors(errors(list, MAX_ERRORS)?))
    }
}

impl FromAny for Outcome {
    fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        read(map).map(Box::new).map(Self::Object)
    }

    fn list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Operations::read(list).map(Self::List)
    }
}

impl Stated {
    pub(super) fn into_errors(self) -> Vec<ServiceError> {
        match self {
            Self::Nothing => Vec::new(),
            // Never seen under `ia::error`, but a text is better kept than lost.
            Self::Text(text) => vec![ServiceError { message: Some(text), ..ServiceError::default() }],
            Self::Errors(errors) => errors,
        }
    }
}

/// One entry of a list that may hold anything.
#[derive(Default)]
struct Entry(Option<Box<Node>>);

impl FromAny for Entry {
    fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        read(map).map(|node| Self(Some(Box::new(node))))
    }
}

impl Operations {
    fn read<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut operations = Self::default();
        let mut position = 0;
        while let Some(Lenient(Entry(entry))) = list.next_element()? {
            if let Some(node) = entry {
                operations.add(*node, position);
            }
            position += 1;
        }
        Ok(operations)
    }

    fn add(&mut self, node: Node, position: usize) {
        let status = node.status.0.0;
        let mut errors = node.error.0.into_errors();
        match node.result.0 {
            Outcome::Object(inner) => errors.extend(inner.error.0.into_errors()),
            // A batch within a composite request: its operations have statuses of their own.
            Outcome::List(inner) => {
                self.succeeded += inner.succeeded;
                errors.extend(inner.failed);
            }
            Outcome::Other => {}
        }
        let failed = status.is_some_and(|status| status >= 400);
        if errors.is_empty() && failed {
            errors.push(ServiceError::default());
        }
        self.succeeded += usize::from(errors.is_empty());
        let left = MAX_ERRORS.saturating_sub(self.failed.len());
        self.failed.extend(errors.into_iter().take(left).map(|error| ServiceError {
            status: error.status.or(status),
            position: Some(position),
            ..error
        }));
    }
}

/// The errors of a list; what is no object is left out.
fn errors<'de, A: SeqAccess<'de>>(mut list: A, most: usize) -> Result<Vec<ServiceError>, A::Error> {
    #[derive(Default)]
    struct One(Option<ServiceError>);

    impl FromAny for One {
        fn text(text: &str) -> Self {
            Self(Stated::text(text).into_errors().pop())
        }

        fn object<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
            Ok(Self(Some(read::<Members, A>(map)?.into())))
        }
    }

    let mut errors = Vec::new();
    while errors.len() < most {
        let Some(Lenient(One(error))) = list.next_element()? else { return Ok(errors) };
        errors.extend(error);
    }
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(errors)
}

fn read<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: A) -> Result<T, A::Error> {
    T::deserialize(MapAccessDeserializer::new(map))
}

/// Accepts a value of any type.
#[derive(Default)]
pub(super) struct Lenient<T>(pub(super) T);

impl<'de, T: FromAny> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Any<T>(PhantomData<T>);

        impl<'de, T: FromAny> Visitor<'de> for Any<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_bool<E>(self, _: bool) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_u64<E>(self, number: u64) -> Result<T, E> {
                Ok(T::number(number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<T, E> {
                Ok(u64::try_from(number).map(T::number).unwrap_or_default())
            }

            fn visit_f64<E>(self, _: f64) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_unit<E>(self) -> Result<T, E> {
                Ok(T::default())
            }

            fn visit_str<E>(self, text: &str) -> Result<T, E> {
                Ok(T::text(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::object(map)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
                T::list(list)
            }
        }

        input.deserialize_any(Any(PhantomData)).map(Self)
    }
}
