//! Filters of the query service: `{"$eq":{"status":"active"}}` and their boolean expression.

use std::cmp::Ordering;

use serde_json::Value;

use super::record::{Fields, lookup};

/// Expressions nest no deeper, so that parsing them cannot exhaust the stack.
const MAX_DEPTH: usize = 32;

/// All conditions of a query and how they combine.
#[derive(Debug)]
pub(crate) struct Filter {
    conditions: Vec<Condition>,
    expression: Expression,
    case_sensitive: bool,
}

#[derive(Debug)]
struct Condition {
    operator: String,
    field: String,
    operand: Value,
}

#[derive(Debug)]
enum Expression {
    Condition(usize),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

const OPERATORS: &[&str] = &[
    "$eq",
    "$ne",
    "$lt",
    "$lte",
    "$gt",
    "$gte",
    "$in",
    "$notIn",
    "$between",
    "$notBetween",
    "$contains",
    "$notContains",
    "$startsWith",
    "$notStartsWith",
    "$endsWith",
    "$notEndsWith",
    "$has",
];

impl Filter {
    /// `Err` says what is wrong with the filters.
    pub(crate) fn parse(
        filters: &[Value],
        expression: Option<&str>,
        case_sensitive: bool,
    ) -> Result<Self, String> {
        let mut conditions = Vec::new();
        for filter in filters {
            conditions.push(condition(filter).ok_or_else(|| format!("{filter} is not a valid filter"))?);
        }
        let expression = match expression.map(str::trim).filter(|text| !text.is_empty()) {
            None => Expression::All((0..conditions.len()).map(Expression::Condition).collect()),
            // A single word in place of an expression joins all conditions.
            Some("and") => Expression::All((0..conditions.len()).map(Expression::Condition).collect()),
            Some("or") => Expression::Any((0..conditions.len()).map(Expression::Condition).collect()),
            Some(text) => Parser::new(text, conditions.len())
                .whole()
                .ok_or_else(|| format!("{text} is not a valid filterExpression"))?,
        };
        Ok(Self { conditions, expression, case_sensitive })
    }

    pub(crate) fn accepts(&self, row: &Fields) -> bool {
        self.eval(&self.expression, row)
    }

    fn eval(&self, expression: &Expression, row: &Fields) -> bool {
        match expression {
            Expression::All(parts) => parts.iter().all(|part| self.eval(part, row)),
            Expression::Any(parts) => parts.iter().any(|part| self.eval(part, row)),
            Expression::Condition(index) => self.conditions.get(*index).is_some_and(|condition| {
                holds(condition, lookup(row, &condition.field).unwrap_or(&Value::Null), self.case_sensitive)
            }),
        }
    }
}

fn condition(filter: &Value) -> Option<Condition> {
    let (operator, body) = single(filter)?;
    let (field, operand) = single(body)?;
    let is_list = operand.is_array();
    let shape_fits = match operator {
        "$in" | "$notIn" => is_list,
        "$between" | "$notBetween" => operand.as_array().is_some_and(|range| range.len() == 2),
        _ => true,
    };
    (OPERATORS.contains(&operator) && shape_fits).then(|| Condition {
        operator: operator.to_owned(),
        field: field.to_owned(),
        operand: operand.clone(),
    })
}

fn single(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.iter().next().map(|(name, value)| (name.as_str(), value))
}

fn holds(condition: &Condition, value: &Value, case_sensitive: bool) -> bool {
    let (value, operand) = if case_sensitive {
        (value.clone(), condition.operand.clone())
    } else {
        (folded(value), folded(&condition.operand))
    };
    let negative = condition.operator.strip_prefix("$not");
    let positive = match (negative, condition.operator.as_str()) {
        (Some(rest), _) => format!(
            "${}{}",
            rest.get(..1).unwrap_or_default().to_lowercase(),
            rest.get(1..).unwrap_or_default()
        ),
        (None, "$ne") => "$eq".to_owned(),
        (None, other) => other.to_owned(),
    };
    let result = positive_holds(&positive, &value, &operand);
    if negative.is_some() || condition.operator == "$ne" { !result } else { result }
}

fn positive_holds(operator: &str, value: &Value, operand: &Value) -> bool {
    let order = || (!value.is_null()).then(|| compare(value, operand));
    let text = |check: fn(&str, &str) -> bool| check(&plain(value), &plain(operand));
    match operator {
        "$eq" => equal(value, operand),
        "$lt" => order() == Some(Ordering::Less),
        "$lte" => order().is_some_and(Ordering::is_le),
        "$gt" => order() == Some(Ordering::Greater),
        "$gte" => order().is_some_and(Ordering::is_ge),
        "$in" => operand.as_array().is_some_and(|list| list.iter().any(|item| equal(value, item))),
        "$between" => match operand.as_array().map(Vec::as_slice) {
            Some([low, high]) => {
                !value.is_null() && compare(value, low).is_ge() && compare(value, high).is_le()
            }
            _ => false,
        },
        "$contains" => text(|value, part| value.contains(part)),
        "$startsWith" => text(|value, part| value.starts_with(part)),
        "$endsWith" => text(|value, part| value.ends_with(part)),
        // Membership in a multi-valued field, whose items may come as a list or one after another.
        "$has" => match value {
            Value::Array(items) => items.contains(operand),
            other => equal(other, operand),
        },
        _ => false,
    }
}

/// As [`compare`], but for texts of digits: the id `0100` is not `100`, while amounts, which have a point,
/// are equal by value.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) if !left.contains('.') && !right.contains('.') => {
            left == right
        }
        _ => compare(left, right) == Ordering::Equal,
    }
}

/// Null first, then numbers by value, also as text, as amounts are; then everything else by text. A
/// total order: sorting panics without one.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => plain(left).cmp(&plain(right)),
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn folded(value: &Value) -> Value {
    match value {
        Value::String(text) => text.to_lowercase().into(),
        Value::Array(items) => items.iter().map(folded).collect(),
        other => other.clone(),
    }
}

/// `(1 and 2) or 3`; `and` binds tighter.
struct Parser<'t> {
    tokens: Vec<&'t str>,
    at: usize,
    depth: usize,
    conditions: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, conditions: usize) -> Self {
        let mut tokens = Vec::new();
        for word in text.split_whitespace() {
            let mut rest = word;
            while let Some(first) = rest.chars().next() {
                let length = match first {
                    '(' | ')' => 1,
                    _ => rest.find(['(', ')']).unwrap_or(rest.len()),
                };
                let (token, tail) = rest.split_at(length);
                tokens.push(token);
                rest = tail;
            }
        }
        Self { tokens, at: 0, depth: 0, conditions }
    }

    fn whole(mut self) -> Option<Expression> {
        let expression = self.any()?;
        (self.at == self.tokens.len()).then_some(expression)
    }

    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.take("or") {
            parts.push(self.all()?);
        }
        Some(Expression::Any(parts))
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.one()?];
        while self.take("and") {
            parts.push(self.one()?);
        }
        Some(Expression::All(parts))
    }

    fn one(&mut self) -> Option<Expression> {
        if self.take("(") {
            self.depth += 1;
            let inside = if self.depth > MAX_DEPTH { None } else { self.any() };
            self.depth -= 1;
            return inside.filter(|_| self.take(")"));
        }
        let number: usize = self.tokens.get(self.at)?.parse().ok()?;
        self.at += 1;
        (1..=self.conditions).contains(&number).then(|| Expression::Condition(number - 1))
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(token));
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts(filters: &[Value], expression: Option<&str>, row: Value) -> bool {
        let Value::Object(row) = row else { return false };
        Filter::parse(filters, expression, true).unwrap().accepts(&row)
    }

    #[test]
    fn an_expression_numbers_the_filters_from_one() {
        let filters = [json!({"$eq":{"a":1}}), json!({"$eq":{"b":2}}), json!({"$eq":{"c":3}})];

        assert!(accepts(&filters, Some("(1 and 2) or 3"), json!({"a":0,"b":0,"c":3})));
        assert!(!accepts(&filters, Some("1 and (2 or 3)"), json!({"a":0,"b":2,"c":3})));
        assert!(!accepts(&filters, None, json!({"a":1,"b":2})));
    }

    #[test]
    fn a_malformed_expression_is_refused_without_a_panic() {
        let deep = "(".repeat(100_000);
        for text in ["(1", "1 and", "0", "2", ")", "1 1", "ü", &deep] {
            let parsed = Filter::parse(&[json!({"$eq":{"a":1}})], Some(text), true);

            assert!(parsed.is_err(), "{text:.20}");
        }
    }

    #[test]
    fn ids_are_equal_by_text_and_amounts_by_value() {
        let eq =
            |operand: Value, value: Value| accepts(&[json!({"$eq":{"a":operand}})], None, json!({"a":value}));

        assert!(!eq(json!("0100"), json!("100")) && !eq(json!("1e2"), json!("100")));
        assert!(eq(json!("15.1"), json!("15.10")) && eq(json!(15.1), json!("15.10")));
    }

    #[test]
    fn any_values_have_one_order() {
        let values = ["10", "9", "1a", "a", "", "-0", "0"].map(Value::from);
        let values = [values.to_vec(), vec![json!(null), json!(5), json!(true), json!([1])]].concat();
        for (a, b, c) in values
            .iter()
            .flat_map(|a| values.iter().map(move |b| (a, b)))
            .flat_map(|(a, b)| values.iter().map(move |c| (a, b, c)))
        {
            if compare(a, b).is_le() && compare(b, c).is_le() {
                assert!(compare(a, c).is_le(), "{a} {b} {c}");
            }
        }
    }

    #[test]
    fn every_operator_has_its_negation() {
        for (operator, operand) in [
            ("$contains", json!("me")),
            ("$startsWith", json!("Ac")),
            ("$endsWith", json!("me")),
            ("$in", json!(["Acme"])),
            ("$between", json!(["A", "B"])),
        ] {
            let capital = operator.get(1..2).unwrap().to_uppercase();
            let negated = format!("$not{capital}{}", operator.get(2..).unwrap());

            assert!(accepts(&[json!({ operator: {"n": operand} })], None, json!({"n":"Acme"})), "{operator}");
            assert!(
                !accepts(&[json!({ negated.clone(): {"n": operand} })], None, json!({"n":"Acme"})),
                "{negated}"
            );
        }
    }
}
