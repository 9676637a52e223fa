//! People, and whether the directory knows them.

use cucumber::given;

use crate::{failure::Outcome, world::Story};

#[given(regex = r"^(\w+) is a subscriber (with|without) a card$")]
async fn is_a_subscriber(story: &mut Story, name: String, card: String) -> Outcome {
    story.add_person(&name).await?;
    story.enrol(&name, card == "with").await
}

#[given(expr = "{word} is nobody's subscriber")]
async fn is_nobodys_subscriber(story: &mut Story, name: String) -> Outcome {
    story.add_person(&name).await.map(|_| ())
}
