//! The part of SOQL that is simulated, parsed.
//!
//! ```text
//! SELECT field, Relationship.field, COUNT() FROM Object
//!   [WHERE conditions with = != < <= > >= LIKE, IN and NOT IN over a list or a sub-select, AND OR NOT ()]
//!   [ORDER BY field [ASC | DESC] [NULLS FIRST | LAST], …] [LIMIT n] [OFFSET n]
//! ```

use super::error::RestError;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    /// What to select; `None` for `COUNT()`.
    pub(crate) fields: Option<Vec<String>>,
    pub(crate) object: String,
    pub(crate) condition: Option<Condition>,
    pub(crate) order: Vec<Order>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) field: String,
    pub(crate) descending: bool,
    pub(crate) nulls_last: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare { field: String, operator: Operator, value: Literal },
    In { field: String, values: Set },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Set {
    List(Vec<Literal>),
    SubSelect(Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    /// A date or a moment, as it was written.
    Time(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Symbol(&'static str),
}

/// Nested conditions beyond this are refused rather than followed.
const DEEPEST: usize = 40;

pub(crate) fn parse(text: &str) -> Result<Query, RestError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let query = parser.query()?;
    match parser.tokens.get(parser.at) {
        None => Ok(query),
        Some(_) => Err(parser.unexpected()),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, RestError> {
    const SYMBOLS: [&str; 11] = ["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ";"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (text, after) = quoted(&rest[1..])?;
            tokens.push(Token::Text(text));
            rest = after;
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = &rest[symbol.len()..];
        } else {
            let in_word = |c: char| c.is_alphanumeric() || "_.:+-%$".contains(c);
            let end = rest.find(|c: char| !in_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(RestError::malformed_query(format!("unexpected token: '{first}'")));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), RestError> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next().map(|(_, escaped)| escaped) {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                // Left as they are: LIKE tells an escaped wildcard from a wildcard.
                Some(wildcard @ ('_' | '%')) => value.extend(['\\', wildcard]),
                Some(other) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err(RestError::malformed_query("unterminated string literal"))
}

#[derive(Debug)]
struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn query(&mut self) -> Result<Query, RestError> {
        self.expect_word("SELECT")?;
        let fields = self.select()?;
        self.expect_word("FROM")?;
        let object = self.word()?;
        let condition = if self.accept_word("WHERE") { Some(self.any()?) } else { None };
        let mut order = Vec::new();
        if self.accept_word("ORDER") {
            self.expect_word("BY")?;
            loop {
                order.push(self.order()?);
                if !self.accept(",") {
                    break;
                }
            }
        }
        let limit = if self.accept_word("LIMIT") { Some(self.number()?) } else { None };
        let offset = if self.accept_word("OFFSET") { self.number()? } else { 0 };
        Ok(Query { fields, object, condition, order, limit, offset })
    }

    fn select(&mut self) -> Result<Option<Vec<String>>, RestError> {
        let mut fields = vec![self.word()?];
        if fields.first().is_some_and(|field| field.eq_ignore_ascii_case("COUNT")) && self.accept("(") {
            self.expect(")")?;
            return Ok(None);
        }
        while self.accept(",") {
            fields.push(self.word()?);
        }
        Ok(Some(fields))
    }

    fn order(&mut self) -> Result<Order, RestError> {
        let field = self.word()?;
        let descending = self.accept_word("DESC");
        if !descending {
            self.accept_word("ASC");
        }
        let nulls_last = self.accept_word("NULLS") && {
            let last = self.accept_word("LAST");
            if !last {
                self.expect_word("FIRST")?;
            }
            last
        };
        Ok(Order { field, descending, nulls_last })
    }

    fn any(&mut self) -> Result<Condition, RestError> {
        let mut conditions = vec![self.all()?];
        while self.accept_word("OR") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, RestError> {
        let mut conditions = vec![self.one()?];
        while self.accept_word("AND") {
            conditions.push(self.one()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    fn one(&mut self) -> Result<Condition, RestError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(RestError::malformed_query("the query is nested too deeply"));
        }
        let condition = if self.accept_word("NOT") {
            Condition::Not(Box::new(self.one()?))
        } else if self.accept("(") {
            let inner = self.any()?;
            self.expect(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, RestError> {
        let field = self.word()?;
        if self.accept_word("IN") {
            return Ok(Condition::In { field, values: self.set()? });
        }
        if self.accept_word("NOT") {
            self.expect_word("IN")?;
            let inside = Condition::In { field, values: self.set()? };
            return Ok(Condition::Not(Box::new(inside)));
        }
        let operator = if self.accept_word("LIKE") {
            Operator::Like
        } else {
            match self.tokens.get(self.at) {
                Some(Token::Symbol("=")) => Operator::Equal,
                Some(Token::Symbol("!=" | "<>")) => Operator::Unequal,
                Some(Token::Symbol("<")) => Operator::Less,
                Some(Token::Symbol("<=")) => Operator::LessOrEqual,
                Some(Token::Symbol(">")) => Operator::Greater,
                Some(Token::Symbol(">=")) => Operator::GreaterOrEqual,
                _ => return Err(self.unexpected()),
            }
        };
        if operator != Operator::Like {
            self.at += 1;
        }
        Ok(Condition::Compare { field, operator, value: self.literal()? })
    }

    fn set(&mut self) -> Result<Set, RestError> {
        self.expect("(")?;
        let set = if self.peeks_word("SELECT") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(RestError::malformed_query("the query is nested too deeply"));
            }
            let query = self.query()?;
            self.depth -= 1;
            Set::SubSelect(Box::new(query))
        } else {
            let mut values = vec![self.literal()?];
            while self.accept(",") {
                values.push(self.literal()?);
            }
            Set::List(values)
        };
        self.expect(")")?;
        Ok(set)
    }

    fn literal(&mut self) -> Result<Literal, RestError> {
        let literal = match self.tokens.get(self.at) {
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "null" => Literal::Null,
                "true" => Literal::Boolean(true),
                "false" => Literal::Boolean(false),
                text => match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => Literal::Number(number),
                    _ if is_time(word) => Literal::Time(word.clone()),
                    _ => return Err(self.unexpected()),
                },
            },
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(literal)
    }

    fn word(&mut self) -> Result<String, RestError> {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(word.clone())
            }
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Result<usize, RestError> {
        let unexpected = self.unexpected();
        self.word()?.parse().map_err(|_| unexpected)
    }

    fn peeks_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word))
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let accepted = self.peeks_word(word);
        self.at += usize::from(accepted);
        accepted
    }

    fn expect_word(&mut self, word: &str) -> Result<(), RestError> {
        if self.accept_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let accepted = matches!(self.tokens.get(self.at), Some(Token::Symbol(next)) if *next == symbol);
        self.at += usize::from(accepted);
        accepted
    }

    fn expect(&mut self, symbol: &str) -> Result<(), RestError> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> RestError {
        let token = match self.tokens.get(self.at) {
            Some(Token::Word(text) | Token::Text(text)) => text.as_str(),
            Some(Token::Symbol(symbol)) => symbol,
            None => "<EOF>",
        };
        RestError::malformed_query(format!("unexpected token: '{token}'"))
    }
}

fn one_or(mut conditions: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => {
            conditions.extend(last);
            many(conditions)
        }
    }
}

fn is_time(word: &str) -> bool {
    word.len() >= 10 && word.parse::<jiff::civil::Date>().is_ok()
        || crate::clock::parse_time_s(word).is_some()
}
