# The cardholder's wallet. What other pages say, too, is in adapters/web/locales.

wallet = Wallet
what-for = Pay an order by SET. The shop gives you its address.
order-address = Address of the order
order-hint = It begins with https://
look-at-order = Look at the order

your-purchase = Your purchase
amount = Amount
payee = To
goods = Goods
reference = Reference
merchant-signed = The merchant has signed this.
open-wallet = Open your wallet
password = Password
password-hint = It opens the key with which you sign.
compare = Compare amount, payee and reference in the message with the above. If they differ, do not type the code.
pay-amount = Pay { $amount }

under-way = It is not known yet how this ends
under-way-detail = The purchase was sent, or is about to be. Asking again does not pay twice.
ask-again = Ask again
paid = Paid
paid-detail = { $amount } to { $payee }.
receipt = The gateway's signed receipt
not-paid = Nothing was paid

cause-codeLocked = Too many wrong codes were typed. Begin again at the shop: a new code will come.
cause-codeExpired = No right code was typed in time. Begin again at the shop: a new code will come.
cause-declined = Your bank declined. Ask your bank why, or pay in another way.
cause-noPhone = No phone is vouched for, or it cannot be reached. Pay in another way.
cause-cancelled = The purchase was called off.
cause-expiredCard = The card has expired. Use another wallet.
cause-orderRejected = The merchant refuses the order: it is paid, or too old. Begin again at the shop.
cause-signatureRequired = The merchant wants a wallet with a certificate.
cause-other = The gateway refuses the payment. Begin again at the shop, or pay in another way.

err-wrong-password = This is not the password
rec-wrong-password = Nothing was sent. Type the password of this wallet.
err-order-address = This is not the address of an order
rec-order-address = Copy the address from the shop, with https:// in front.
err-merchant-unreachable = The merchant does not answer
rec-merchant-unreachable = Check the address, or try again in a moment. What was sent is not paid twice.
err-merchant-refused = The merchant cannot process the message
rec-merchant-refused = Begin again at the shop. If it keeps failing, tell the shop.
err-merchant-not-authentic = What the merchant sent is not to be trusted
rec-merchant-not-authentic = It is not signed by a merchant that your wallet trusts, or belongs to another purchase. Nothing more was sent. Tell the shop.
