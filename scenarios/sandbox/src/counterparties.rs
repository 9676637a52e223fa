//! Everything around the server, to be looked at and told what to do.

use std::{net::SocketAddr, sync::Arc};

use countersign_domain::{
    id::{Identifier, RelyingPartyId},
    ports::Store,
    register,
};
use serde_json::json;

use crate::{
    bank::Bank,
    centre::Centre,
    clock::SandboxClock,
    facts::Facts,
    journal::Journal,
    merchant::Merchant,
    operator::Operator,
    page::Places,
    person::{BALANCE_MINOR, People, Person, euro},
    problem::ControlError,
    views::{PostedRow, money},
};

/// Everybody around the server, and how the sandbox's pages speak to it.
pub(crate) struct Counterparties {
    pub(crate) address: SocketAddr,
    pub(crate) centre: Arc<Centre>,
    pub(crate) bank: Arc<Bank>,
    /// The operator that keeps the codes of tickets, if there is one.
    pub(crate) operator: Option<Operator>,
    pub(crate) clock: Arc<SandboxClock>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) journal: Journal,
    pub(crate) merchant: Merchant,
    pub(crate) other_merchant: Merchant,
    /// The server's own store, to be read.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) people: People,
    pub(crate) places: Places,
}

impl Counterparties {
    /// Gives somebody new a phone, a card, an account and a place in the directory.
    pub(crate) async fn add_person(&self, user_id: &str) -> Result<Person, ControlError> {
        let known = self.people.all();
        if known.iter().any(|person| person.user_id == user_id) {
            return Err(ControlError::invalid("Somebody has this user id."));
        }
        let person = Person::numbered(user_id, known.len() + 1);
        self.centre.add_handset(&person.number)?;
        self.bank.open_account(person.card()?, BALANCE_MINOR, euro()?);
        self.people.add(person.clone());
        self.enrol(&person).await?;
        Ok(person)
    }

    /// Enters a person into the server's directory, as a merchant does.
    pub(crate) async fn enrol(&self, person: &Person) -> Result<(), ControlError> {
        let body = json!({ "number": person.number, "card": person.card });
        let path = format!("/v1/subscribers/{}", person.user_id);
        self.merchant.call("PUT", &path, &body).await?;
        Ok(())
    }

    /// What the server's register has of merchants and people. It is the server's own store that is read.
    pub(crate) async fn register(&self, people: &[Person]) -> Result<Vec<PostedRow>, ControlError> {
        let unreadable = |error: &dyn std::fmt::Display| ControlError::internal(&error.to_string());
        let mut accounts = Vec::new();
        for id in ["dupont", "martin"] {
            accounts.push(register::Account::relying_party(&RelyingPartyId::try_from(id)?));
        }
        for person in people {
            accounts
                .push(register::Account::payer(&Identifier::try_from(person.user_id.as_str())?));
        }
        let mut rows = Vec::new();
        for account in accounts {
            let balance = self.store.reads().balance(&account, euro()?).await;
            let balance = balance.map_err(|error| unreadable(&error))?;
            rows.push(PostedRow {
                account: account.to_string(),
                debit: money(balance.debit_minor, euro()?),
                credit: money(balance.credit_minor, euro()?),
            });
        }
        Ok(rows)
    }
}
