//! What only figure 11 promises: a signed answer is given again byte for byte.

use std::{collections::HashMap, sync::Arc};

use tokio::task::JoinSet;

use super::{Campaign, Exchange};
use crate::judge::Verdict;

/// Messages that are asked again at once.
const AT_ONCE: usize = 8;

/// The same message is given the same answer, byte for byte: at once, and by the last two. How many were asked again.
pub(crate) async fn ask_again(campaign: &Arc<Campaign>, verdict: &mut Verdict) -> usize {
    const RULE: &str = "a signed answer is given again byte for byte";
    let heard = campaign.heard.lock().unwrap().clone();
    let mut first: HashMap<(String, Vec<u8>), Vec<u8>> = HashMap::new();
    for Exchange { url, message, answer } in heard {
        let known = first.entry((url.clone(), message)).or_insert_with(|| answer.clone());
        if *known != answer {
            verdict.broken.push(format!("{RULE}: {url} gave two to one message"));
        }
    }
    let (mut asking, again) = (JoinSet::new(), first.len());
    for ((url, message), answer) in first {
        if asking.len() == AT_ONCE {
            heard_again(asking.join_next().await.unwrap().unwrap(), verdict);
        }
        let client = campaign.client.clone();
        asking.spawn(async move {
            let again = client.exchange(&url, message).await;
            (again.is_ok_and(|again| again == answer), url)
        });
    }
    while let Some(asked) = asking.join_next().await {
        heard_again(asked.unwrap(), verdict);
    }
    return again;

    fn heard_again((is_same, url): (bool, String), verdict: &mut Verdict) {
        if !is_same {
            verdict.broken.push(format!("{RULE}: {url}, after the last start"));
        }
    }
}
