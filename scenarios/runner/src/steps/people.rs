//! People, and whether the directory knows them.

use cucumber::{given, when};

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

#[given(regex = r"^(\w+) is (locked|unlocked)$")]
#[when(regex = r"^(\w+) is (locked|unlocked)$")]
async fn is_locked_or_unlocked(story: &mut Story, name: String, how: String) -> Outcome {
    let action = if how == "locked" { "/lock" } else { "/unlock" };
    story.subscriber("POST", &name, action, None).await
}

#[given(expr = "{word} is removed from the directory")]
async fn is_removed(story: &mut Story, name: String) -> Outcome {
    story.subscriber("DELETE", &name, "", None).await
}
