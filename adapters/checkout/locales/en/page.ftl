# The payer's page. What other pages say, too, is in adapters/web/locales.

title = Pay { $payee }
title-none = Payment
your-payment = Your payment
amount = Amount
payee = To
card = Card
back-to = Back to { $payee }

who-pays = How do you pay?
with-certificate = With your certificate
certificate-presented = Your browser presented a certificate. If it bears no card, give yours.
card-number = Card number
card-expiry = Expiry (MM/YY)
pay-with-certificate = Pay with my certificate
with-user-id = With your user name
pay-with-user-id = Pay with my user name
with-card = With your card
pay-with-card = Pay with my card

compare = Compare amount and payee in the message with the above. If they differ, do not type the code, and cancel.
pay-amount = Pay { $amount }

other-browser = In another browser
other-browser-detail = This payment waits for its code in the browser in which it was begun.
processing = One moment
processing-detail = Your bank is being asked.
releasing-detail = Your bank is being told to release what it may hold for it. Another payment can be begun after that.
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
cause-pin-set = Your PIN was set. Begin again: pay with the new code and your PIN.
cause-cancelled = The payment was cancelled.
cause-interrupted = The payment was interrupted before it was made. You can begin again.

err-payer-not-recognised = We do not recognise you
rec-payer-not-recognised = Check what you typed. If it is right, your bank does not offer this yet.
err-card-needed = A card is needed
rec-card-needed = No card is kept for you. Give the number and expiry of your card.
err-payer-not-given = We do not know who pays
rec-payer-not-given = Give your user name or your card, or present a certificate that bears your number.
err-too-many-payments = Too many payments
rec-too-many-payments = Too many payments were begun for this checkout. Order again at the shop.
err-no-checkout = There is no such checkout
rec-no-checkout = The address is not the one of a checkout. Go back to the shop.
