# The payer's page. Another language is another folder with a file like this one; a test compares the names.

language-name = English
decimal-mark = .

title = Pay { $payee }
title-none = Payment
your-payment = Your payment
amount = Amount
payee = To
card = Card
language = Language
back-to = Back to { $payee }

who-pays = How do you pay?
with-certificate = With your certificate
certificate-presented = Your browser presented a certificate. If it bears no card, give yours.
card-number = Card number
card-expiry = Expiry (MM/YY)
optional = { $field }, optional
pay-with-certificate = Pay with my certificate
with-user-id = With your user id
user-id = User id
pay-with-user-id = Pay with my user id
with-card = With your card
pay-with-card = Pay with my card

type-code = Type the code
code-on-its-way = A message with amount, payee and a code goes to your phone { $number }.
code-failed = The message to your phone { $number } could not be delivered.
code-arrived = A message with amount, payee and a code is on your phone { $number }.
compare = Compare amount and payee with the above. If they differ, do not type the code, and call the payment off.
code = Code
code-hint = The digits from the message
pay-amount = Pay { $amount }
attempts-left = { $attempts ->
    [one] One attempt left
   *[other] { $attempts } attempts left
}
time-left = Time left: { $minutes } min { $seconds } s
no-message = No message?
resend-after = You can have it sent again in { $seconds } s.
resend-now = You can have it sent again; the code stays the same.
resend = Send the code again
look-again = Look again
cancel = Call the payment off

other-browser = In another browser
other-browser-detail = This payment waits for its code in the browser in which it was begun.
processing = One moment
processing-detail = Your bank is being asked.
paid = Paid
paid-detail = { $amount } to { $payee }.
expired = Too late
expired-detail = This checkout has expired, and nothing was paid. Order again at the shop.
not-paid = Nothing was paid
over = The shop has closed this checkout. Order again at the shop.

cause-declined-by-bank = Your bank declined the payment. Ask your bank why, or pay in another way.
cause-too-many-attempts = Too many wrong codes were typed. You can begin again: a new code will come.
cause-late-code = No right code was typed in time. You can begin again: a new code will come.
cause-phone-unreachable = Your phone could not be reached. Is it on, and is the number right?
cause-cancelled = The payment was called off.
cause-interrupted = The payment was interrupted before it was made. You can begin again.

problem-wrong-code = This is not the code
problem-wrong-code-detail = Look at the message again, and type its code.
problem-too-many-attempts = Too many wrong codes
problem-too-many-attempts-detail = Nothing was paid. Begin the payment again: a new code will come.
problem-late-code = The code is too late
problem-late-code-detail = Nothing was paid. Begin the payment again: a new code will come.
problem-code-already-used = The code was used already
problem-code-already-used-detail = A code is good once.
problem-other-session = Not the browser that asked for the code
problem-other-session-detail = Type the code in the browser in which you began the payment.
problem-phone-unreachable = Your phone cannot be reached
problem-phone-unreachable-detail = Nothing was paid. Is your phone on, and is its number right?
problem-cancelled = The payment was called off
problem-cancelled-detail = Nothing was paid.
problem-too-many-messages = Too many messages
problem-too-many-messages-detail = No further message is sent for this payment. Wait for the last one, or call the payment off.
problem-message-too-soon = Too soon for another message
problem-message-too-soon-detail = The last message may still be on its way. Wait { $wait_seconds } s.
problem-refused = Refused
problem-refused-detail = Nothing was paid. Begin the payment again.
problem-payer-not-recognised = We do not recognise you
problem-payer-not-recognised-detail = Check what you typed. If it is right, your bank does not take part yet.
problem-card-needed = A card is needed
problem-card-needed-detail = No card is kept for you. Give the number and expiry of your card.
problem-payer-not-given = Who are you?
problem-payer-not-given-detail = Give your user id or your card, or present a certificate that bears your number.
problem-too-many-payments = Too many payments
problem-too-many-payments-detail = Too many payments were begun for this checkout. Order again at the shop.
problem-not-now = This cannot be done now
problem-not-now-detail = The payment has moved on meanwhile. What it is at now is shown here.
problem-changed-meanwhile = This was changed meanwhile
problem-changed-meanwhile-detail = Somebody else changed this at the same time. Look at it, then try again.
problem-not-available = Not available now
problem-not-available-detail = Nothing was done. Try again in a moment.
problem-internal = Something failed here
problem-internal-detail = The fault is ours. Try again; if it stays, tell the shop the time of your payment.
problem-timeout = This took too long
problem-timeout-detail = Look at the checkout again: what was begun goes on.
problem-not-found = There is no such page
problem-not-found-detail = The address is not the one of a checkout. Go back to the shop.
problem-method-not-allowed = Not like this
problem-method-not-allowed-detail = Open the page again, and use its forms.
problem-no-session = There is no session
problem-no-session-detail = Open the checkout's page first, and let your browser keep its cookie.
problem-malformed-form = The form cannot be read
problem-malformed-form-detail = Open the page again, and use its forms.
problem-invalid-value = Check what you typed
problem-invalid-value-detail = Something that you typed cannot be right.
problem-certificate = Your certificate is not accepted
problem-certificate-expired = It has expired. Use another certificate, or your user id.
problem-certificate-not-yet-valid = It is not valid yet. Is your device's date right?
problem-certificate-unknown-authority = Its authority is not believed here. Use another certificate, or your user id.
problem-certificate-without-phone = It bears no phone number. Use another certificate, or your user id.
problem-certificate-detail = Use another certificate, or your user id.

field-card_number = The card number is mistyped: it has 12 to 19 digits, and the last one is a check digit.
field-card_expiry = The expiry is not in the form MM/YY.
field-user_id = The user id has 1 to 128 characters.
field-code = The code has 6 to 10 digits.
