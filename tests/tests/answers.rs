//! What services answer, and what it must be taken for: every line of `tests/answers/*.txt`.
//!
//! A new answer is a new line there.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

#[path = "answers/play.rs"]
mod play;
#[path = "answers/table.rs"]
mod table;

// Links the connectors.
use trunkline as _;

const TABLES: [&str; 3] = [
    include_str!("../answers/sage_intacct.txt"),
    include_str!("../answers/salesforce.txt"),
    include_str!("../answers/oauth2.txt"),
];

#[tokio::test]
async fn every_answer_is_taken_for_what_it_is() {
    let rows: Vec<_> = TABLES.into_iter().flat_map(table::read).collect();
    let (mut right, mut left_out, mut wrong) = (0, 0, Vec::new());
    for row in &rows {
        let Some(judge) = play::Judge::named(&row.connector) else {
            left_out += 1;
            continue;
        };
        let nothing =
            || vec!["ok".to_owned(), "-".to_owned(), "-".to_owned(), "-".to_owned(), "-".to_owned()];
        let told = judge.judge(row).await.as_ref().map_or_else(nothing, table::told);
        if told == row.expected {
            right += 1;
        } else {
            wrong.push(format!("{}: {told:?} and not {:?}", row.id, row.expected));
        }
    }
    let judged = rows.len() - left_out;
    println!("{judged} answers, {right} right, accuracy {:.1} %", 100.0 * right as f64 / judged as f64);
    if left_out > 0 {
        println!("NOT JUDGED: {left_out} answers of connectors that are not linked");
    }
    assert!(wrong.is_empty(), "{} of {judged} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(judged >= 150, "{judged} answers are too few");
}
