//! Cards: which are tied, tying another, forgetting one.

use askama::Template;
use axum::response::Response;
use countersign_domain::{
    card::{Card, CardExpiry},
    invalid::InvalidInput,
};
use countersign_web::{
    body::{FormBody, Segment, record_id},
    problem::Problem,
};
use serde::Deserialize;

use super::{
    desk::{Answer, Desk, to},
    voice::{Voice, field_of},
};
use crate::{
    error::WalletError,
    flow::{CardView, Visitor},
    message::{CardId, CardName},
};

#[derive(Template)]
#[template(path = "cards.html")]
struct Cards<'a> {
    voice: Voice<'a>,
    cards: Vec<CardView>,
    /// The name as it was typed; a card's number is not shown again.
    name: &'a str,
    problem: Option<&'a Problem>,
}

impl Cards<'_> {
    fn wrong(&self, field: &str) -> Option<String> {
        let problem = self.problem.filter(|problem| field_of(problem) == Some(field))?;
        Some(self.voice.wrong(problem))
    }

    fn forget(&self, card: &CardView) -> String {
        self.voice.say_with("forget-card", "name", card.name.as_str())
    }
}

impl Desk {
    async fn cards(
        &self,
        visitor: &Visitor,
        name: &str,
        problem: Option<&Problem>,
    ) -> Result<Response, WalletError> {
        let cards = self.wallets.cards(visitor).await?;
        let main = Cards { voice: self.voice(), cards, name, problem };
        Ok(self.show("your-cards", Some("/cards"), problem, &main))
    }
}

pub(super) async fn list(desk: Desk) -> Answer {
    let visitor = desk.visitor().await?;
    Ok(desk.cards(&visitor, "", None).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardForm {
    name: String,
    card_number: String,
    card_expiry: String,
}

impl CardForm {
    fn named(&self) -> Result<(CardName, Card), InvalidInput> {
        let name = CardName::try_from(self.name.trim().to_owned())?;
        let expiry = CardExpiry::try_from(self.card_expiry.trim().to_owned())?;
        Ok((name, Card::new(self.card_number.trim(), expiry)?))
    }
}

pub(super) async fn tie(desk: Desk, fields: FormBody<CardForm>) -> Answer {
    let typed = fields.read()?;
    let visitor = desk.visitor().await?;
    let tied = match typed.named() {
        Err(error) => Err(Problem::from(error)),
        Ok((name, card)) => {
            let visitor = visitor.clone();
            desk.done(|wallets| async move { wallets.tie_card(&visitor, &name, &card).await }).await
        }
    };
    match tied {
        Ok(_) => Ok(to("/cards", None)),
        Err(problem) => Ok(desk.cards(&visitor, &typed.name, Some(&problem)).await?),
    }
}

pub(super) async fn untie(desk: Desk, id: Segment) -> Answer {
    let id: CardId = record_id(id)?;
    let visitor = desk.visitor().await?;
    desk.done(|wallets| async move { wallets.untie_card(&visitor, &id).await }).await?;
    Ok(to("/cards", None))
}
