//! The table.

#![allow(dead_code, reason = "each bench uses a part of it")]
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use crate::measure::Pair;

/// One line of the table.
pub(crate) struct Row {
    figure: String,
    reference: String,
    ours: String,
    result: String,
    target: String,
    met: bool,
}

impl Row {
    pub(crate) fn new(figure: impl Into<String>) -> Self {
        let none = String::new;
        let met = true;
        Self { figure: figure.into(), reference: none(), ours: none(), result: none(), target: none(), met }
    }

    pub(crate) fn reference(self, reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), ..self }
    }

    pub(crate) fn ours(self, ours: impl Into<String>) -> Self {
        Self { ours: ours.into(), ..self }
    }

    pub(crate) fn result(self, result: impl Into<String>, target: impl Into<String>, met: bool) -> Self {
        Self { result: result.into(), target: target.into(), met, ..self }
    }

    /// The median of the turns' ratios, which may be at most `target`.
    pub(crate) fn ratio(self, pair: &Pair, target: f64) -> Self {
        let met = pair.ratio <= target;
        self.result(format!("{:.3} x", pair.ratio), format!("<= {target} x"), met)
    }

    /// A count that may be at most `target`.
    pub(crate) fn at_most(self, value: f64, target: f64, unit: &str) -> Self {
        self.result(format!("{value:.2} {unit}"), format!("<= {target} {unit}"), value <= target)
    }

    pub(crate) fn print(&self) {
        let met = if self.met { "yes" } else { "NO" };
        let Self { figure, reference, ours, result, target, .. } = self;
        println!("| {figure} | {reference} | {ours} | {result} | {target} | {met} |");
    }
}

/// What is measured under a name.
pub(crate) type Figure = (&'static str, fn() -> Vec<Row>);

/// Prints the rows of those figures that the arguments name, or of all.
pub(crate) fn print_table(figures: &[Figure], arguments: &[String]) {
    println!("| figure | reference | ours | result | target | met |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, figure) in figures {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            figure().iter().for_each(Row::print);
        }
    }
}
