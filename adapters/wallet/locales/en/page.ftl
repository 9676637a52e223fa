# What the wallets' routes and pages say. What other pages say, too, is in adapters/web/locales.

# A message of the exchange is refused, in the order of checking.
message-refused = The message is refused
back-to-the-merchant = Nothing was paid. Go back to the merchant, and ask for another ticket.
err-message-too-long = { message-refused }
rec-message-too-long = It has more than 16 KiB.
err-message-not-compact = { message-refused }
rec-message-not-compact = It is no JWS in its compact form: three parts in base64url with points between them.
err-message-header = { message-refused }
rec-message-header = Its header must have alg, typ and kid, each once, and nothing else.
err-message-algorithm = { message-refused }
rec-message-algorithm = Its algorithm must be ES256.
err-message-type = { message-refused }
rec-message-type = It is another message than the one that is expected.
err-message-key-unknown = { message-refused }
rec-message-key-unknown = Nobody is known by its key. { back-to-the-merchant }
err-message-signature = { message-refused }
rec-message-signature = It was changed, or signed with another key. { back-to-the-merchant }
err-message-content = { message-refused }
rec-message-content = What is signed has a member too many, too few, twice or out of bounds.
err-message-issuer = { message-refused }
rec-message-issuer = It is not from the merchant whose key signed it. { back-to-the-merchant }
err-message-audience = { message-refused }
rec-message-audience = It is for another server. { back-to-the-merchant }
err-message-validity = { message-refused }
rec-message-validity = It is good for more than a day, or for no time at all.
err-message-from-future = { message-refused }
rec-message-from-future = It is made later than now. The merchant's clock may be wrong.
err-message-expired = The ticket has expired
rec-message-expired = { back-to-the-merchant }

# Money is not moved.
err-insufficient-funds = There is not enough in the wallet
rec-insufficient-funds = Nothing was paid. Pay in, or pay with a card. What is held for other payments does not count.
err-payment-limit = The amount is too high
rec-payment-limit = It is above the limit of one payment. Pay with a card.
err-day-limit = Enough was paid today
rec-day-limit = The amount is above what is left of the day's limit. Pay with a card, or tomorrow.
err-balance-limit = The wallet would be too full
rec-balance-limit = Pay in less.
err-not-paid-in = That much was not paid in from this card
rec-not-paid-in = Money goes back to the card that it came from. Choose another card, or less.
err-other-currency = The wallet is of another currency
rec-other-currency = Choose a wallet of the currency of the amount, or a card.
err-no-such-currency = No wallets of that currency are kept
rec-no-such-currency = Choose another currency.
err-wallet-not-empty = The wallet is not empty
rec-wallet-not-empty = Take out what is in it, and wait until nothing is held or under way.

# The ticket is not paid.
err-ticket-taken = The ticket is being paid
rec-ticket-taken = Finish that payment, or cancel it.
err-ticket-paid = The ticket is paid
rec-ticket-paid = A ticket is paid once. Hand its receipt to the merchant.
err-ticket-number-reused = The merchant made another ticket of that number
rec-ticket-number-reused = { back-to-the-merchant }
err-too-many-payments = The ticket was tried too often
rec-too-many-payments = { back-to-the-merchant }
err-other-transaction = The code was joined to another transaction
rec-other-transaction = Nothing was paid. Look at the ticket again, and begin again.

# People, cards and wallets.
err-not-signed-in = Nobody is signed in
rec-not-signed-in = Sign in at this session first. After five minutes without a request a visit ends.
err-person-not-recognised = The person is not known
rec-person-not-recognised = The name is not known, or not with this number.
err-card-refused = The card cannot be tied
rec-card-refused = It is not vouched for together with this phone, or is tied already.
err-too-many = No more of them
rec-too-many = A person may have 8 wallets and 8 cards.
err-key-refused = The key cannot be taken
rec-key-refused = It is another merchant's, or was revoked. Make a new one.
err-name-taken = Another merchant has that name
rec-name-taken = People could not tell the two apart. Ask the operator for another name.
err-statement-too-long = The statement is too long
rec-statement-too-long = It has more than 2,000 movements. Ask for a shorter time.

# The pages.
your-wallets = Your wallets
your-wallet = Your wallet
your-cards = Your cards
your-purchase = Your purchase
your-transfer = Your transfer
to-your-wallets = To your wallets
to-the-wallet = To the wallet
sign-in = Sign in
sign-out = Sign out

# Coming in.
what-wallets-do = Money to pay with, held here. Whatever you pay is confirmed by a code from your phone.
your-name = Your user name
name-hint = You sign in with it. Your shop or bank may have given you one.
your-phone = Your mobile number
phone-hint = With + and the country code. Codes go there.
send-me-a-code = Send me a code
no-wallet-yet = No wallet yet?
open-wallet = Open a wallet
open-another = Open another wallet
come-in = Continue
code-for-coming-in = The code shows that this phone is yours.
wallet-name = What you call the wallet
currency = Currency
wrong-name = A name has at least one character, and none that cannot be seen.

# What somebody has.
held-amount = { $amount } held for what is under way
closed-on = Closed on { $when }
no-cards = No card is tied.
tie-or-forget = Tie a card, or forget one
tie-card = Tie a card
tie-card-detail = It must be vouched for together with your phone. Its number is kept encrypted.
card-name = What you call the card
number-of-card = Card number
expiry-of-card = Valid until (MM/YY)
forget = Forget
forget-card = Forget { $name }

# A wallet.
available = Available
held = Held
closed = Closed
amount = Amount
amount-in = Amount in { $currency }
wrong-amount = The amount is a number above zero, such as 49.90.
pay-in = Pay in
pay-in-amount = Pay in { $amount }
take-out = Take out
from-card = From the card
to-card = To the card
statement = Statement
last-days = { $days } days
opening-balance = Balance before
closing-balance = Balance now
as-a-file = As a file:
too-much-moved = More moved in that time than a page can show. Choose a shorter time.
moved-in = Paid in
moved-out = Taken out
moved-back = Given back
moved-payment = Payment
close-wallet = Close the wallet
close-wallet-detail = It must be empty. A wallet that is closed is not opened again; its statement stays.

# Money between wallet and card.
compare-transfer = The message must name this amount, and us as payee. If it does not, leave its code alone.
processing = Under way
bank-is-asked = The bank is being asked.
paid-in = It is in your wallet
taken-out = It is on its way to your card
no-money-moved = No money was moved
balance-after = Available after it: { $amount }
cause-bank = The bank declined. Ask your bank why, or take another card.
cause-voided = The bank did not answer in time. Nothing was debited; try once more.

# A ticket.
payee = To
order = Order
merchant-signed-it = The merchant signed this, and nobody has changed it since.
who-pays = Who pays?
what-pays = Pay with
wallet-or-card = Wallet or card
pay-from-wallet = { $name }, { $amount } available
nothing-to-pay-with = You have no wallet of this currency and no card. Open a wallet or tie a card, then come back.
pay-amount = Pay { $amount }
compare-payment = Amount, payee and reference must be the same in the message and on this page. If they are not, cancel.
paid = Paid
paid-detail = { $amount } to { $payee }.
not-paid = Not paid
pay-again = Pay the ticket once more
your-receipt = Your receipt
hand-in-receipt = The merchant delivers when it has the receipt.
send-receipt = This merchant takes no receipt from a browser. Send it the file.
back-to = Hand it to { $payee }
receipt-as-file = The receipt as a file
err-no-source = Nothing is chosen
rec-no-source = Choose the wallet or the card that is to pay.
