//! A small reader of SOQL and SOSL: which objects and fields a text reads. What it does not follow makes the
//! whole text unknown, so that no object is overlooked.

use super::subject::{is_name, is_path};

/// Deepest nesting of sub-selects that is followed; Salesforce allows less.
const DEEPEST: usize = 8;

/// Most parts of a text; a query has 100,000 characters at most.
const MAX_TOKENS: usize = 50_000;

/// One object that is read, with fields and paths to fields, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) object: String,
    pub(super) fields: Vec<String>,
}

/// The objects of a query: of FROM, and of the sub-selects of its conditions. `None` where that cannot be told,
/// as with sub-selects of children, which name a relationship and no object.
pub(super) fn query(text: &str) -> Option<Vec<Selected>> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, found: Vec::new() };
    reader.select(0)?;
    (reader.at == reader.tokens.len()).then_some(reader.found)
}

/// The objects that a search returns; `None` for one that names none and so returns any.
pub(super) fn search(text: &str) -> Option<Vec<Selected>> {
    let rest = after_search_text(text)?;
    let mut reader = Reader { tokens: tokens(rest)?, at: 0, found: Vec::new() };
    while !reader.accepts("RETURNING") {
        reader.tokens.get(reader.at)?;
        reader.at += 1;
    }
    reader.returned()?;
    Some(reader.found)
}

/// What follows `FIND {…}`.
fn after_search_text(text: &str) -> Option<&str> {
    let rest = text.trim_start();
    let (find, rest) = rest.split_at_checked(4)?;
    let inside = rest.trim_start().strip_prefix('{').filter(|_| find.eq_ignore_ascii_case("FIND"))?;
    let mut escaped = false;
    let end = inside.find(|c: char| {
        let ends = c == '}' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    inside.get(end + 1..)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// A text in quotes; what it says does not matter.
    Text,
    Symbol(u8),
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.bytes().next() {
        if tokens.len() == MAX_TOKENS {
            return None;
        }
        if first == b'\'' {
            tokens.push(Token::Text);
            rest = rest.get(quoted(rest)?..)?;
        } else {
            let end = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
            if end > 0 {
                tokens.push(Token::Word(rest.get(..end)?));
                rest = rest.get(end..)?;
            } else if first.is_ascii() {
                tokens.push(Token::Symbol(first));
                rest = rest.get(1..)?;
            } else {
                return None;
            }
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

/// Names, numbers, dates and date literals: `LAST_N_DAYS:30`.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '+' | '-' | '%' | '$')
}

/// The length of a quoted text that `text` begins with.
fn quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '\'' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map(|(at, _)| at + 1)
}

/// Words after the object's name that begin a clause, so that they are no alias.
const CLAUSES: &[&str] =
    &["USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE", "ALL"];

/// Words of conditions and orders that are no fields.
const KEYWORDS: &[&str] = &[
    "AND", "OR", "NOT", "IN", "LIKE", "INCLUDES", "EXCLUDES", "ASC", "DESC", "NULLS", "FIRST", "LAST", "BY",
    "NULL", "TRUE", "FALSE",
];

/// The part of a query that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    /// WHERE and HAVING: a field stands before what it is compared with.
    Condition,
    /// ORDER BY and GROUP BY: every name is a field.
    List,
    Other,
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    found: Vec<Selected>,
}

/// A query that is being read: names of its own do not lead to fields.
#[derive(Default)]
struct Scope<'a> {
    fields: Vec<&'a str>,
    /// Of the object, and of columns.
    aliases: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    /// SELECT … FROM … up to the end, or to the parenthesis that closes it.
    fn select(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST || !self.accepts("SELECT") {
            return None;
        }
        let mut scope = Scope::default();
        self.columns(&mut scope)?;
        if !self.accepts("FROM") {
            return None;
        }
        let object = self.word().filter(|object| is_name(object))?;
        self.accepts("AS");
        if let Some(alias) = self.peek_word().filter(|word| !is_one_of(word, CLAUSES)) {
            scope.aliases.push(alias);
            self.at += 1;
        }
        // Objects in a row are related ones, by the names of their relationships.
        let ends = match self.peek() {
            None | Some(Token::Symbol(b')')) => true,
            Some(Token::Word(word)) => is_one_of(word, CLAUSES),
            Some(_) => false,
        };
        if !ends {
            return None;
        }
        self.clauses(&mut scope, depth)?;
        self.finish(object, &scope)
    }

    /// The list of what is selected, up to FROM or what else ends it.
    fn columns(&mut self, scope: &mut Scope<'a>) -> Option<()> {
        loop {
            // A sub-select of children or TYPEOF names objects in other words.
            let column = self.word().filter(|word| !is_one_of(word, &["TYPEOF"]))?;
            if self.peek() == Some(Token::Symbol(b'(')) {
                self.arguments(scope, is_one_of(column, &["FIELDS"]))?;
            } else {
                scope.fields.push(column);
            }
            if let Some(alias) =
                self.peek_word().filter(|word| !is_one_of(word, CLAUSES) && !is_one_of(word, &["FROM"]))
            {
                scope.aliases.push(alias);
                self.at += 1;
            }
            match self.peek() {
                Some(Token::Symbol(b',')) => self.at += 1,
                _ => return Some(()),
            }
        }
    }

    /// What stands in the parentheses of a function: fields, numbers, texts and further functions.
    fn arguments(&mut self, scope: &mut Scope<'a>, ignored: bool) -> Option<()> {
        let mut open = 0_usize;
        loop {
            let token = self.peek()?;
            self.at += 1;
            match token {
                Token::Symbol(b'(') => open += 1,
                Token::Symbol(b')') if open == 1 => return Some(()),
                Token::Symbol(b')') => open -= 1,
                Token::Word(word) => {
                    let is_function = self.peek() == Some(Token::Symbol(b'('));
                    if !ignored && !is_function && is_path(word) {
                        scope.fields.push(word);
                    }
                }
                _ => {}
            }
        }
    }

    fn clauses(&mut self, scope: &mut Scope<'a>, depth: usize) -> Option<()> {
        let (mut clause, mut open) = (Clause::Other, 0_usize);
        loop {
            let Some(token) = self.peek() else { return (open == 0).then_some(()) };
            if token == Token::Symbol(b')') && open == 0 {
                return Some(());
            }
            self.at += 1;
            match token {
                Token::Symbol(b'(') if self.peeks("SELECT") => {
                    self.select(depth + 1)?;
                    if self.peek() != Some(Token::Symbol(b')')) {
                        return None;
                    }
                    self.at += 1;
                }
                Token::Symbol(b'(') => open += 1,
                Token::Symbol(b')') => open = open.checked_sub(1)?,
                Token::Word(word) if open == 0 && is_one_of(word, CLAUSES) => {
                    clause = match word.to_ascii_uppercase().as_str() {
                        "WHERE" | "HAVING" => Clause::Condition,
                        "GROUP" | "ORDER" => Clause::List,
                        _ => Clause::Other,
                    };
                }
                Token::Word(word) if clause != Clause::Other => self.named(word, clause, scope)?,
                _ => {}
            }
        }
    }

    /// A word of a condition or list.
    fn named(&mut self, word: &'a str, clause: Clause, scope: &mut Scope<'a>) -> Option<()> {
        if is_one_of(word, KEYWORDS) {
            return Some(());
        }
        if self.peek() == Some(Token::Symbol(b'(')) {
            return self.arguments(scope, false);
        }
        let compared = matches!(self.peek(), Some(Token::Symbol(b'=' | b'!' | b'<' | b'>')))
            || self
                .peek_word()
                .is_some_and(|next| is_one_of(next, &["IN", "NOT", "LIKE", "INCLUDES", "EXCLUDES"]));
        if compared || clause == Clause::List {
            scope.fields.push(word);
        }
        Some(())
    }

    /// Keeps what was read of one object.
    fn finish(&mut self, object: &str, scope: &Scope<'_>) -> Option<()> {
        let mut selected = Selected { object: object.to_owned(), fields: Vec::new() };
        for field in &scope.fields {
            let is_alias = |name: &str| scope.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
            // Columns without an alias of their own are called expr0, expr1 …
            let is_numbered = field.strip_prefix("expr").is_some_and(|rest| rest.parse::<u16>().is_ok());
            let path = match field.split_once('.') {
                None if is_alias(field) || is_numbered => continue,
                Some((first, rest)) if is_alias(first) || first.eq_ignore_ascii_case(object) => rest,
                _ => field,
            };
            if !is_path(path) {
                return None;
            }
            if !selected.fields.iter().any(|known| known == path) {
                selected.fields.push(path.to_owned());
            }
        }
        self.found.push(selected);
        Some(())
    }

    /// `Account(Id, Name WHERE …), Contact` up to what is no object.
    fn returned(&mut self) -> Option<()> {
        loop {
            let object = self.word().filter(|object| is_name(object))?;
            let mut scope = Scope::default();
            if self.peek() == Some(Token::Symbol(b'(')) {
                self.at += 1;
                self.columns(&mut scope)?;
                self.clauses(&mut scope, 0)?;
                if self.peek() != Some(Token::Symbol(b')')) {
                    return None;
                }
                self.at += 1;
            }
            self.finish(object, &scope)?;
            match self.peek() {
                Some(Token::Symbol(b',')) => self.at += 1,
                _ => return Some(()),
            }
        }
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn peek_word(&self) -> Option<&'a str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn peeks(&self, word: &str) -> bool {
        self.peek_word().is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    fn accepts(&mut self, word: &str) -> bool {
        let accepted = self.peeks(word);
        self.at += usize::from(accepted);
        accepted
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = self.peek_word()?;
        self.at += 1;
        Some(word)
    }
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: Option<Vec<Selected>>) -> Option<String> {
        let one = |selected: &Selected| format!("{}({})", selected.object, selected.fields.join(","));
        found.map(|all| all.iter().map(one).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_query_reads_the_objects_and_fields_that_it_names() {
        for (text, expected) in [
            ("SELECT Id, Name FROM Account", "Account(Id,Name)"),
            ("select count() from Account", "Account()"),
            (
                "SELECT Id FROM Account WHERE Industry = 'from Contact (select' LIMIT 5",
                "Account(Id,Industry)",
            ),
            (r"SELECT Id FROM Account WHERE Name = 'O\'Brien' AND Phone != null", "Account(Id,Name,Phone)"),
            (
                "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Email LIKE 'a%') AND (Type = 'x' OR NOT Phone IN ('1'))",
                "Contact(AccountId,Email) Account(Id,Type,Phone)",
            ),
            (
                "SELECT a.Name, a.Owner.Name FROM Account a WHERE a.Type = 'x'",
                "Account(Name,Owner.Name,Type)",
            ),
            ("SELECT Account.Name, Contact.Email FROM Contact", "Contact(Account.Name,Email)"),
            (
                "SELECT Industry, COUNT(Id) total, MAX(AnnualRevenue) FROM Account GROUP BY ROLLUP(Industry) HAVING COUNT(Id) > 1 ORDER BY total DESC, expr0, Industry NULLS LAST",
                "Account(Industry,Id,AnnualRevenue)",
            ),
            (
                "SELECT FORMAT(Amount) Amt, toLabel(StageName) FROM Opportunity WHERE CALENDAR_YEAR(convertTimezone(CreatedDate)) = 2026 AND CloseDate > LAST_N_DAYS:30",
                "Opportunity(Amount,StageName,CreatedDate,CloseDate)",
            ),
            ("SELECT FIELDS(ALL) FROM Account LIMIT 200", "Account()"),
            ("SELECT Id FROM Account USING SCOPE mine WHERE Fax = null FOR VIEW", "Account(Id,Fax)"),
            ("SELECT Id FROM Account WITH SECURITY_ENFORCED ORDER BY Name", "Account(Id,Name)"),
            ("SELECT Id FROM Case WHERE Tags__c INCLUDES ('a;b')", "Case(Id,Tags__c)"),
        ] {
            assert_eq!(told(query(text)).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_query_that_names_objects_in_other_words_is_unknown() {
        for text in [
            "",
            "SELECT",
            "SELECT Id",
            "SELECT Id FROM",
            "SELECT Id FROM 'Account'",
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "SELECT TYPEOF What WHEN Account THEN Phone END FROM Event",
            "SELECT c.Id FROM Account a, a.Contacts c",
            "SELECT Id FROM Account WHERE Name = 'open",
            "SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Contact",
            "SELECT Id FROM Account) FROM Contact",
            "SELECT COUNT(Id FROM Account",
            "UPDATE Account",
            "SELECT Id FROM Accöunt",
        ] {
            assert_eq!(query(text), None, "{text}");
        }
        let deep = "SELECT Id FROM A WHERE Id IN (".repeat(40);
        assert_eq!(query(&deep), None);
        assert_eq!(query(&format!("SELECT Id{} FROM A", ", Id".repeat(60_000))), None);
    }

    #[test]
    fn a_search_reads_the_objects_that_it_returns() {
        for (text, expected) in [
            ("FIND {Acme} RETURNING Account", Some("Account()")),
            (
                r"find {a \} RETURNING Lead} IN NAME FIELDS RETURNING Account(Id, Name WHERE Type = 'x' LIMIT 3), Contact(Email) LIMIT 9",
                Some("Account(Id,Name,Type) Contact(Email)"),
            ),
            ("FIND {Acme}", None),
            ("FIND {Acme", None),
            ("FIND {Acme} RETURNING Account(Id", None),
            ("RETURNING Account", None),
        ] {
            assert_eq!(told(search(text)).as_deref(), expected, "{text}");
        }
    }
}
