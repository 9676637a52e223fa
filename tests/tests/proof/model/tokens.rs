//! The words and signs of a text of rules.

/// The rules as they are read: words and signs.
pub(super) struct Tokens<'a> {
    rest: Vec<&'a str>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut rest: Vec<&str> = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default())
            .flat_map(|line| line.split_inclusive(|c: char| !is_of_a_word(c)))
            .flat_map(|part| {
                let (word, sign) = part.split_at(part.trim_end_matches(|c| !is_of_a_word(c)).len());
                [word, sign.trim()]
            })
            .filter(|token| !token.is_empty())
            .collect();
        rest.reverse();
        Self { rest }
    }

    pub(super) fn peek(&self) -> &'a str {
        self.rest.last().copied().unwrap_or_default()
    }

    pub(super) fn next(&mut self) -> &'a str {
        self.rest.pop().unwrap_or_default()
    }

    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let is_next = self.peek() == sign;
        if is_next {
            self.rest.pop();
        }
        is_next
    }

    pub(super) fn expect(&mut self, sign: &str) {
        let found = self.next();
        assert_eq!(found, sign, "before {:?}", self.rest.iter().rev().take(5).collect::<Vec<_>>());
    }
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}
