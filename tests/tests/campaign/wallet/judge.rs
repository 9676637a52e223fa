//! What may not have happened to money of figure 12, asked of those who would know: the people, the merchant's till, bank
//! and phones as in every campaign, and the books.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use countersign_server::books;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    Answered, Campaign, SAME_ANSWER,
    person::{Person, lasting},
};
use crate::{
    judge::{AtBank, Purchase, Verdict},
    server::read,
};

/// For how long what is sold may wait to be paid out.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
/// What the sandbox's house keeps of each payment.
const FEE_BASIS_POINTS: u64 = 100;

fn is_of_ticket(purchase: &Purchase) -> bool {
    purchase.name.starts_with("pur_")
}

/// All that was begun comes to its end, and each payer can fetch the receipt of what is paid: after a new visit.
pub(crate) async fn ask_the_server(campaign: &Campaign) -> Verdict {
    let purchases = campaign.purchases.lock().unwrap().clone();
    let people = campaign.people.lock().unwrap().clone();
    let people: BTreeMap<&str, &Arc<Person>> =
        people.iter().map(|person| (person.number.as_str(), person)).collect();
    let fetched = Mutex::new(BTreeMap::new());
    let mut verdict = Verdict::ask_the_server(purchases, async |purchase| {
        let kind = if is_of_ticket(purchase) { "payments" } else { "transfers" };
        let path = format!("/v1/{kind}/{}", purchase.name);
        let person = people.get(purchase.number.as_str())?;
        let answer = person.insist(campaign, "GET", &path, &Value::Null).await?;
        let is_paid = campaign.hears_paid(purchase.amount, &answer);
        let has_receipt = answer.body.get("receipt").is_some_and(Value::is_string);
        fetched.lock().unwrap().insert(purchase.amount, has_receipt);
        let stands = match answer.stands() {
            _ if is_paid => "paid",
            "not_paid" | "not_made" => "refused",
            stands => stands,
        };
        Some((answer.status, stands.to_owned()))
    })
    .await;
    let (fetched, delivered) = (fetched.into_inner().unwrap(), campaign.counter.delivered());
    for purchase in verdict.purchases.clone().iter().filter(|purchase| is_of_ticket(purchase)) {
        let (amount, is_paid) = (purchase.amount, verdict.is_paid(purchase));
        if is_paid != fetched.get(&amount).copied().unwrap_or_default() {
            verdict.breaks("what is debited has a receipt that the payer can fetch", purchase);
        }
        if is_paid != delivered.contains(&amount) {
            verdict.breaks("what is delivered is paid, and what is paid is delivered", purchase);
        }
    }
    let client = &campaign.client;
    verdict.ask_the_bank(async |card| client.account(card).await).await;
    verdict.ask_the_phones(async |number| client.texts(number).await).await;
    verdict
}

/// A request that is sent again under its key is given the first answer. How many were.
pub(crate) async fn ask_again(campaign: &Campaign, verdict: &mut Verdict) -> usize {
    let answered: Vec<Answered> = campaign.answered.lock().unwrap().drain(..).collect();
    for Answered { person, path, body, first } in &answered {
        let again = person.insist(campaign, "POST", path, body).await;
        if again.is_none_or(|again| again.status != 201 || lasting(&again.body) != *first) {
            verdict.broken.push(format!("{SAME_ANSWER}: {path} {first}, after the last start"));
        }
    }
    answered.len()
}

/// Nothing is held any more, and what is in a wallet is what came in and did not go out.
pub(crate) async fn ask_the_wallets(campaign: &Campaign, verdict: &mut Verdict) {
    let people = campaign.people.lock().unwrap().clone();
    for person in people {
        let path = format!("/v1/wallets/{}", person.wallet);
        let shown = person.insist(campaign, "GET", &path, &Value::Null).await.unwrap();
        let minor = |member: &str| shown.body.get(member).and_then(Value::as_i64);
        let (available, held) = (minor("available_minor"), minor("held_minor"));
        let own = |purchase: &&Purchase| purchase.number == person.number;
        let moved = verdict.purchases.iter().filter(own).filter(|own| verdict.is_paid(own));
        let expected: i64 = moved.map(into_the_wallet).sum();
        if (available, held) != (Some(expected), Some(0)) {
            verdict.broken.push(format!(
                "nothing stays held, and a wallet has what came in and did not go out: {} has {available:?} and {held:?}, not {expected}",
                person.identifier
            ));
        }
    }
}

/// By how much a wallet has more.
fn into_the_wallet(purchase: &Purchase) -> i64 {
    let amount = i64::try_from(purchase.amount).unwrap();
    match purchase.at_bank {
        AtBank::Debits if is_of_ticket(purchase) => 0,
        AtBank::Debits => amount,
        AtBank::Credits | AtBank::IsNotAsked => -amount,
    }
}

/// What is sold is paid out to the merchant.
pub(crate) async fn ask_the_merchant(campaign: &Campaign, verdict: &mut Verdict) {
    let end = Instant::now() + PATIENCE;
    let (mut after, mut owed) = (0, None);
    while owed != Some(0) && Instant::now() < end {
        let path = format!("/v1/wallet/statement?currency=EUR&after={after}");
        let shown = campaign.client.merchant("GET", &path, "none", "").await.unwrap();
        let last = shown.body.as_array().unwrap().last();
        if let Some(last) = last {
            after = last.get("position").and_then(Value::as_u64).unwrap();
            owed = last.get("balance_minor").and_then(Value::as_i64);
        } else {
            sleep(PAUSE).await;
        }
    }
    if owed != Some(0) {
        verdict.broken.push(format!("what is sold is paid out: {owed:?} cents are owed"));
    }
}

/// The books are right, says a second program, too; the merchant is owed each ticket that was paid, once, and nothing else;
/// and no hold is left in them.
pub(crate) async fn ask_the_books(
    campaign: &Campaign,
    configuration: &Path,
    verdict: &mut Verdict,
) {
    let export = configuration.with_extension("books");
    let report = books(&read(configuration), Some(&export)).await.unwrap();
    let second = Path::new(env!("CARGO_MANIFEST_DIR")).join("books.py");
    let second = Command::new("python3").arg(second).arg(&export).output().unwrap();
    let found: Value = serde_json::from_slice(&second.stdout).unwrap();
    let agree = ["right", "postings", "balances", "totals"]
        .iter()
        .all(|member| found.get(member) == report.json.get(member));
    if !report.right || !agree {
        verdict.broken.push(format!("the books balance: {}, and {found}", report.text));
    }

    let export = fs::read_to_string(export).unwrap();
    let owed = format!("wallet_merchant:{}", campaign.counter.merchant());
    let (mut sales, mut paid_out, mut fees) = (BTreeMap::<String, u64>::new(), 0, 0);
    for line in export.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |member: &str| line.get(member).and_then(Value::as_str).unwrap_or_default();
        let amount = line.get("amount_minor").and_then(Value::as_u64).unwrap_or_default();
        if text("debit") == owed {
            *if text("id").ends_with("/fee") { &mut fees } else { &mut paid_out } += amount;
        }
        if text("credit") == owed {
            let (payment, _) = text("id").split_once('/').unwrap();
            *sales.entry(payment.to_owned()).or_default() += amount;
        }
        let is_even = line.get("debit_minor") == line.get("credit_minor");
        if text("account").starts_with("wallet_held:") && !is_even {
            verdict.broken.push(format!("no hold is for ever: {line}"));
        }
    }
    let sold: u64 = sales.values().sum();
    let due: u64 = sales.values().map(|amount| amount * FEE_BASIS_POINTS / 10_000).sum();
    if (paid_out + fees, fees) != (sold, due) {
        verdict.broken.push(format!(
            "each sale is paid out once, less the fee: {sold} cents are sold, {paid_out} paid, {fees} kept of {due}"
        ));
    }
    for purchase in verdict.purchases.clone().iter().filter(|purchase| is_of_ticket(purchase)) {
        let sold = sales.remove(&purchase.name);
        let due = verdict.is_paid(purchase).then_some(purchase.amount);
        if sold != due {
            verdict.breaks("the merchant is owed what is paid, once", purchase);
        }
    }
    for (id, amount) in sales {
        verdict.broken.push(format!("the merchant is owed nothing unknown: {id}, {amount} cents"));
    }
}
