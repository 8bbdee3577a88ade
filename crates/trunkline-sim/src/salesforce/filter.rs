//! Paths to values, and conditions checked against records.

use std::collections::HashSet;

use serde_json::Value;

use super::error::RestError;
use super::id;
use super::query::Reader;
use super::record::Record;
use super::schema::{Field, ObjectType};
use super::soql::{Condition, Literal, Operator, Set};
use crate::clock::parse_time_s;

/// `Account.Owner.Name`: references to follow, and the field at the end.
#[derive(Debug, Clone)]
pub(crate) struct Path<'o> {
    /// A reference field, the relationship's name and the object that it leads to.
    pub(crate) steps: Vec<(&'o Field, &'o str, &'o ObjectType)>,
    pub(crate) field: &'o Field,
}

/// A condition whose names are known and whose sub-selects have run.
#[derive(Debug)]
pub(crate) enum Check<'o> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare {
        path: Path<'o>,
        operator: Operator,
        value: Literal,
    },
    /// Values in the form of [`comparable`].
    In {
        path: Path<'o>,
        values: HashSet<String>,
        null: bool,
    },
}

impl<'o> Reader<'o> {
    /// A path of names the user may read; the rest does not exist for it.
    pub(crate) fn path(&self, object: &'o ObjectType, text: &str) -> Result<Path<'o>, RestError> {
        let mut names: Vec<&str> = text.split('.').collect();
        let last = names.pop().unwrap_or_default();
        let (mut at, mut steps) = (object, Vec::new());
        // The object's own name may stand in front.
        if names.first().is_some_and(|name| name.eq_ignore_ascii_case(&object.name))
            && object.relationship(&object.name).is_none()
        {
            names.remove(0);
        }
        for name in names {
            let found = at.relationship(name).filter(|(field, _)| self.rights.field(at, field).read);
            let target = found.and_then(|(field, target)| Some((field, self.org.object(target)?)));
            let Some((field, target)) = target.filter(|(_, target)| self.rights.object(target).read) else {
                let message = format!("Didn't understand relationship '{name}' in field path.");
                return Err(RestError::new(400, "INVALID_FIELD", message));
            };
            let relation = field.reference.as_ref().map_or("", |(_, relation)| relation.as_str());
            steps.push((field, relation, target));
            at = target;
        }
        let field = at.field(last).filter(|field| self.rights.field(at, field).read);
        let field = field.ok_or_else(|| RestError::no_such_column(last, &at.name))?;
        Ok(Path { steps, field })
    }

    /// The value at the end of a path; `null` where a reference is empty.
    pub(crate) fn value<'r>(&'r self, record: &'r Record, path: &Path<'_>) -> &'r Value {
        let mut at = record;
        for (field, _, target) in &path.steps {
            match self.org.find(&target.name, at.text(&field.name)) {
                Some(next) => at = next,
                None => return &Value::Null,
            }
        }
        at.get(&path.field.name)
    }

    pub(crate) fn check(
        &self,
        object: &'o ObjectType,
        condition: &Condition,
    ) -> Result<Check<'o>, RestError> {
        let each = |conditions: &[Condition]| {
            conditions.iter().map(|it| self.check(object, it)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match condition {
            Condition::All(conditions) => Check::All(each(conditions)?),
            Condition::Any(conditions) => Check::Any(each(conditions)?),
            Condition::Not(inner) => Check::Not(Box::new(self.check(object, inner)?)),
            Condition::Compare { field, operator, value } => {
                let path = self.filterable(object, field)?;
                fits(path.field, value)?;
                Check::Compare { path, operator: *operator, value: value.clone() }
            }
            Condition::In { field, values } => {
                let path = self.filterable(object, field)?;
                let (values, null) = match values {
                    Set::List(list) => {
                        list.iter().try_for_each(|value| fits(path.field, value))?;
                        let texts = list.iter().filter_map(|value| comparable(path.field, &json_of(value)));
                        (texts.collect(), list.contains(&Literal::Null))
                    }
                    Set::SubSelect(query) => {
                        let found = self.column(query)?;
                        (found.iter().filter_map(|value| comparable(path.field, value)).collect(), false)
                    }
                };
                Check::In { path, values, null }
            }
        })
    }

    fn filterable(&self, object: &'o ObjectType, field: &str) -> Result<Path<'o>, RestError> {
        let path = self.path(object, field)?;
        if path.field.kind == "textarea" {
            let message = format!("field '{}' can not be filtered in a query call", path.field.name);
            return Err(RestError::new(400, "INVALID_FIELD", message));
        }
        Ok(path)
    }

    pub(crate) fn holds(&self, check: &Check<'_>, record: &Record) -> bool {
        match check {
            Check::All(checks) => checks.iter().all(|check| self.holds(check, record)),
            Check::Any(checks) => checks.iter().any(|check| self.holds(check, record)),
            Check::Not(check) => !self.holds(check, record),
            Check::Compare { path, operator, value } => {
                compare(path.field, self.value(record, path), *operator, value)
            }
            Check::In { path, values, null } => match comparable(path.field, self.value(record, path)) {
                Some(text) => values.contains(&text),
                None => *null,
            },
        }
    }
}

/// Whether a literal is of the field's type.
fn fits(field: &Field, value: &Literal) -> Result<(), RestError> {
    let fits = match (field.kind.as_str(), value) {
        (_, Literal::Null) => true,
        ("boolean", Literal::Boolean(_)) => true,
        ("int" | "double" | "currency", Literal::Number(_)) => true,
        ("date" | "datetime", Literal::Time(_)) => true,
        ("boolean" | "int" | "double" | "currency" | "date" | "datetime", _) => false,
        (_, Literal::Text(_)) => true,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let message =
        format!("value of filter criterion for field '{}' must be of type {}", field.name, field.kind);
    Err(RestError::new(400, "INVALID_FIELD", message))
}

fn json_of(value: &Literal) -> Value {
    match value {
        Literal::Null => Value::Null,
        Literal::Boolean(value) => (*value).into(),
        Literal::Number(value) => (*value).into(),
        Literal::Text(text) | Literal::Time(text) => text.as_str().into(),
    }
}

/// A form in which equal values are equal: ids are long, text is lower-case, numbers are floats.
fn comparable(field: &Field, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if matches!(field.kind.as_str(), "id" | "reference") => {
            Some(id::long(text).unwrap_or_else(|| text.clone()))
        }
        Value::String(text) if field.kind == "datetime" => {
            Some(parse_time_s(text).map_or_else(|| text.clone(), |at_s| at_s.to_string()))
        }
        Value::String(text) => Some(text.to_lowercase()),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()),
        other => Some(other.to_string()),
    }
}

fn compare(field: &Field, value: &Value, operator: Operator, literal: &Literal) -> bool {
    let (left, right) = (comparable(field, value), comparable(field, &json_of(literal)));
    match operator {
        Operator::Equal => left == right,
        Operator::Unequal => left != right,
        Operator::Like => left.zip(right).is_some_and(|(text, pattern)| like(&text, &pattern)),
        _ => {
            let Some((left, right)) = left.zip(right) else { return false };
            let order = match (left.parse::<f64>(), right.parse::<f64>()) {
                (Ok(left), Ok(right)) => left.partial_cmp(&right),
                _ => Some(left.cmp(&right)),
            };
            order.is_some_and(|order| match operator {
                Operator::Less => order.is_lt(),
                Operator::LessOrEqual => order.is_le(),
                Operator::Greater => order.is_gt(),
                _ => order.is_ge(),
            })
        }
    }
}

/// `%` stands for any text, `_` for one character, and a backslash takes a wildcard's meaning away.
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Where in the text the pattern so far may have ended.
    let mut ends = vec![false; text.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    let mut pattern = pattern.chars();
    while let Some(next) = pattern.next() {
        let mut after = vec![false; text.len() + 1];
        match next {
            '%' => {
                let mut reached = false;
                for (end, slot) in ends.iter().zip(&mut after) {
                    reached |= *end;
                    *slot = reached;
                }
            }
            other => {
                let literal = if other == '\\' { pattern.next() } else { Some(other) };
                let any = other == '_';
                for (at, character) in text.iter().enumerate() {
                    if ends[at] && (any || literal == Some(*character)) {
                        after[at + 1] = true;
                    }
                }
            }
        }
        ends = after;
    }
    ends.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_sql() {
        for (text, pattern, expected) in [
            ("account 12", "acc%", true),
            ("account 12", "%12", true),
            ("account 12", "acc_unt%", true),
            ("account 12", "acc", false),
            ("100%", "100\\%", true),
            ("1000", "100\\%", false),
            ("", "%", true),
            ("", "_", false),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} like {pattern}");
        }
    }
}
