//! Amounts: decimal text in, exact ten-thousandths inside.

use serde_json::Value;

use super::record::Fields;

const SCALE: i128 = 10_000;

/// Sum of the lines' `txnAmount`, or `None` if one is missing or no decimal number.
pub(crate) fn total(lines: &[Fields]) -> Option<i128> {
    lines.iter().map(of_line).sum()
}

/// Whether debits and credits of journal lines are equal. Lines without `txnType` count by sign.
pub(crate) fn balances(lines: &[Fields]) -> bool {
    let signed = |line: &Fields| {
        let amount = of_line(line)?;
        Some(if line.get("txnType").and_then(Value::as_str) == Some("credit") { -amount } else { amount })
    };
    // An unreadable amount is reported by `total`, not as imbalance.
    lines.iter().map(signed).sum::<Option<i128>>().is_none_or(|sum| sum == 0)
}

/// The amount as the service prints it: two digits, more only where needed.
pub(crate) fn text(amount: i128) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let (whole, part) = (amount.abs() / SCALE, amount.abs() % SCALE);
    let digits = format!("{part:04}");
    let digits = digits.strip_suffix("00").unwrap_or(&digits);
    format!("{sign}{whole}.{digits}")
}

fn of_line(line: &Fields) -> Option<i128> {
    match line.get("txnAmount")? {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str| !text.is_empty() && text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 4 {
        return None;
    }
    let amount = whole.parse::<i128>().ok()? * SCALE + format!("{part:0<4}").parse::<i128>().ok()?;
    Some(if negative { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_add_up_without_binary_fractions() {
        let line = |amount: &str| Fields::from_iter([("txnAmount".to_owned(), amount.into())]);

        let sum = total(&[line("0.10"), line("0.2"), line("-0.05")]);

        assert_eq!(sum.map(text).as_deref(), Some("0.25"));
    }
}
