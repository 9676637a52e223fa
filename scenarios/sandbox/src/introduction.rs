//! What a newcomer is told: what runs where, and a purchase to make by hand.

use crate::sandbox::Sandbox;

impl Sandbox {
    /// What runs where, and a purchase to make with `curl` and one's own hands.
    pub fn introduction(&self) -> String {
        let (certificate, key) = self.client_certificate();
        let person = self.person();
        let (year, month) = person.card.expiry.split_once('-').unwrap_or_default();
        let year = year.get(2..).unwrap_or_default();
        format!(
            r#"
Countersign runs, with an SMS centre, a bank and a certificate authority around it. All is on loopback; Ctrl-C ends it.

  open this        {control}    shop, phone and what is sent, side by side; phones; bank; every purchase

  merchants' API   {api}    (its description: {api}/openapi.json)
  payers' pages    {checkout}
  for programs     {control}/sandbox.json
  configuration    {configuration}

{user} has the phone {number} and the card {card}, {month}/{year}. To buy something for {user}, paste this
into another terminal:

  export CURL_CA_BUNDLE={authority}
  merchant() {{ curl -sS -H "Authorization: Bearer {api_key}" "$@"; echo; }}
  payer() {{ curl -sS -H Accept:application/json -b {folder}/cookies -c {folder}/cookies "$@"; echo; }}

  # 1. Once: the directory learns whose phone and card are whose.
  merchant -X PUT {api}/v1/subscribers/{user} \
    -d '{{"number":"{number}","card":{{"number":"{card}","expiry":"{month}/{year}"}}}}'

  # 2. The merchant asks for 49.90 EUR, and gets the address of a page for the payer.
  PAGE=$(merchant {api}/v1/checkouts \
    -d '{{"amount":{{"value":"49.90","currency":"EUR"}},"reference":"order-1","items":[{{"name":"Le Petit Prince"}}]}}' \
    | sed 's/.*"url":"\([^"]*\)".*/\1/'); echo $PAGE

  # 3. The payer opens the page, which begins a session, and says who pays. The bank holds the amount; the phone rings.
  payer $PAGE
  payer $PAGE -d user_id={user}

  # 4. The payer reads the message (it shows up here, too), compares amount and payee, and types the code.
  curl -sS {control}/handsets/{number}/messages; echo
  payer $PAGE/code -d code=THE-CODE-FROM-THE-MESSAGE

  # 5. The amount was debited, once.
  curl -sS {control}/bank/cards/{card}; echo

With a client certificate that bears phone and card, no directory is needed: in step 3, instead of user_id=..., say
  payer $PAGE -d "" --cert {certificate} --key {key}
The page works in a browser, too: open the address of step 2, and trust {authority}
or continue in spite of the warning.
"#,
            api = self.api_url(),
            checkout = self.checkout_url(),
            control = self.control_url(),
            configuration = self.configuration().display(),
            user = person.user_id,
            number = person.number,
            card = person.card.number,
            folder = self.folder().display(),
            authority = self.authority().display(),
            api_key = self.api_key(),
            certificate = certificate.display(),
            key = key.display(),
        )
    }
}
