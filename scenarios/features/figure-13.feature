Feature: Figure 13: checkout over TLS

  A person buys at a merchant over TLS. Before any money moves, a code goes to the person's phone, with the amount and
  the payee in clear. The person types it back in the same session; only then is the amount debited, once.

  Rule: The payer gives a userId, and the directory knows the phone

    @drawn @F13.1 @F13.2 @F13.3 @F13.4 @F13.5 @C1 @C4 @C8 @C10 @C19 @C20 @C22 @C28 @C29
    Scenario: A purchase is paid with the code from the phone
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice opens the payment page
      Then the page shows the amount and the payee
      When Alice gives the userId
      Then the purchase waits for the code
      And Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once
      And the merchant sees that the purchase is paid

    @F13.4 @F13.v3 @C17
    Scenario: The message shows the amount, the payee and the goods
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR for:
        | quantity | item            |
        | 2        | ISBN 2070360245 |
        | 1        | Gift wrapping   |
      When Alice gives the userId
      Then Alice gets a message with a code
      And the message shows the amount and the payee
      And the message says "2 x ISBN 2070360245"
      And the message says "1 x Gift wrapping"
      And the last line of the message binds the code to the payment page

    @F13.v3
    Scenario: A French shop sends a French message
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR in French
      When Alice gives the userId
      Then Alice gets a message with a code
      And the message shows the amount and the payee
      And the message says "Payer 49.90 EUR"

    @F13.3
    Scenario: A userId that the directory does not know is refused
      Given Alice is nobody's subscriber
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the answer is no: the payer is not known
      And no message goes to Alice

    @F13.3
    Scenario: A subscriber without a card must give one
      Given Alice is a subscriber without a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the answer is no: a card is needed
      And no message goes to Alice

  Rule: The payer gives a card, and the directory knows its holder's phone

    @F13.v2 @F13.4 @F13.5 @A4
    Scenario: A purchase is paid with a card and the code
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the card
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once

    @F13.v2
    Scenario: A card that the directory does not know is refused
      Given Alice is nobody's subscriber
      And the merchant asks for 49.90 EUR
      When Alice gives the card
      Then the answer is no: the payer is not known
      And no message goes to Alice
      And Alice is not debited

    @F13.v2 @C9
    Scenario: A card with another expiry is declined by the bank, and no message is sent
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the card with another expiry
      Then the purchase is declined: the bank refuses
      And no message goes to Alice

    @F13.v2
    Scenario: A stolen card number is of no use beside the thief's own userId
      Given Alice is a subscriber with a card
      And Bob is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId and Bob's card
      Then the answer is no: the payer is not known
      And no message goes to Alice
      And no message goes to Bob
      And Bob is not debited

    @F13.v2 @C10
    Scenario: A stolen card number alone makes its holder's phone ring, and debits nobody
      Given Alice is a subscriber with a card
      And Bob is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives Bob's card
      Then Bob gets a message with a code
      And no message goes to Alice
      When Alice types a wrong code
      And Alice types a wrong code
      And Alice types a wrong code
      Then the answer is no: too many wrong codes
      And the purchase is void: too many wrong codes
      And Bob is not debited

  Rule: The payer gives nothing but a TLS client certificate that bears the phone's number

    @drawn @serial @F13.2 @F13.4 @F13.5 @F13.v1 @C25 @C26
    Scenario: A certificate with number and card, both encrypted, pays without a directory
      Given Alice has the certificate with encrypted number and card
      And the merchant asks for 49.90 EUR
      When Alice presents the certificate
      Then Alice gets a message with a code
      And the message shows the amount and the payee
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once

    @serial @F13.2 @F13.v1 @C25 @C26
    Scenario: A certificate with the number in clear pays with a card of the same holder
      Given Alice has the certificate with the number in clear
      And the merchant asks for 49.90 EUR
      When Alice presents the certificate
      Then the answer is no: a card is needed
      When Alice presents the certificate and the card
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once

    @serial @F13.v1
    Scenario: A certificate with the number in clear does not pay with somebody else's card
      Given Alice has the certificate with the number in clear
      And Bob is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice presents the certificate and Bob's card
      Then the answer is no: the payer is not known
      And no message goes to Alice
      And no message goes to Bob

    @F13.2 @F13.v1
    Scenario: Without a certificate, and with nothing else, nobody is known
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives nothing
      Then the answer is no: nobody said who pays
      And no message goes to Alice

    @F13.2 @F13.v1
    Scenario: A certificate of a foreign authority is refused
      Given Mallory has the certificate of a foreign authority
      And the merchant asks for 49.90 EUR
      When Mallory presents the certificate
      Then the certificate is refused: its authority is not known
      And the purchase is open

    @F13.2 @F13.v1
    Scenario: An expired certificate is refused
      Given Mallory has the expired certificate
      And the merchant asks for 49.90 EUR
      When Mallory presents the certificate
      Then the certificate is refused: it has expired
      And the purchase is open

    @F13.v1
    Scenario: A certificate with an encrypted number moved from another certificate is refused
      Given Mallory has the certificate with a number moved from another
      And the merchant asks for 49.90 EUR
      When Mallory presents the certificate
      Then the certificate is refused: its number is another certificate's
      And the purchase is open

  Rule: The code is good once, in its session, in its time, for its amount

    @F13.5 @C10
    Scenario: A wrong code is refused, and the right one is still accepted
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types a wrong code
      Then the answer is no: the code is wrong
      And 2 attempts are left
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once

    @F13.5 @C10
    Scenario: After three wrong codes the right one is refused, too
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types a wrong code
      And Alice types a wrong code
      And Alice types a wrong code
      Then the answer is no: too many wrong codes
      When Alice types the code
      Then the answer is no: too many wrong codes
      And the purchase is void: too many wrong codes
      And Alice is not debited

    @serial @F13.5 @C10
    Scenario: A late code is refused, and what the bank held is released
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      And the bank holds 49.90 EUR of Alice's
      When 6 minutes pass
      And Alice types the code
      Then the answer is no: the code came too late
      And the purchase is void: the code came too late
      And Alice is not debited

    @serial @F13.5
    Scenario: A payment that nobody resumes ends by itself
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When 6 minutes pass
      Then the purchase is void: the code came too late
      And Alice is not debited

    @F13.5 @C10
    Scenario: A code that was used is refused
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
      When Alice types the code
      Then the answer is no: the code was used already
      And Alice is debited 49.90 EUR once

    @F13.5 @C1
    Scenario: A code is refused in another session, and does its work in its own
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When somebody else types Alice's code in another browser
      Then the answer is no: it is another session
      And Alice has 3 attempts left
      When Alice types the code
      Then the purchase is paid

    @F13.5 @C15
    Scenario: The code of a purchase of another amount is refused
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      Given the merchant asks for 50.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code of 49.90 EUR
      Then the answer is no: the code is wrong
      And the purchase waits for the code
      And Alice is not debited yet

    @F13.4 @C15
    Scenario: Another session for the same purchase has another code
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice calls the payment off
      And Alice opens the payment page in a new browser
      And Alice gives the userId
      Then Alice gets a message with another code
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once

    @F13.5
    Scenario: What is typed must look like a code
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types "open sesame"
      Then the answer is no: this is no code
      And Alice has 3 attempts left

  Rule: The bank is asked before the phone

    @C9 @C10 @F13.5
    Scenario: The amount is held before the message is sent, and debited when the code is right
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the bank holds 49.90 EUR of Alice's
      And Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
      And the merchant's trace tells, in this order:
        | the payment began        |
        | the bank held the amount |
        | the code was asked for   |
        | the payer agreed         |
        | the amount was debited   |
      And the trace gives away neither code nor number nor card of Alice

    @C9 @F13.4
    Scenario: When the bank refuses, no message is sent
      Given Alice is a subscriber with a card
      And Alice's bank refuses the card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is declined: the bank refuses
      And no message goes to Alice
      And Alice is not debited

    @serial @C9
    Scenario: A bank that is silent once and declines the repeat has declined nothing, and what it may hold is released
      Given Alice is a subscriber with a card
      And Alice's bank answers only repeats, and refuses them
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is being released: the bank did not answer
      And no message goes to Alice
      Given Alice's bank answers again
      When 16 seconds pass
      Then the purchase is void: the bank did not answer
      And Alice is not debited

    @C9
    Scenario: What the bank refuses to debit is released
      Given Alice is a subscriber with a card
      And Alice's bank refuses to debit what it holds
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is void: the bank refuses
      And Alice is not debited

    @C9
    Scenario: When the account does not hold the amount, no message is sent
      Given Alice is a subscriber with a card
      And Alice's account holds 20.00 EUR
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is declined: the bank refuses
      And no message goes to Alice

    @C9 @C10
    Scenario: After the bank has refused, the payer may try again
      Given Alice is a subscriber with a card
      And Alice's bank refuses the card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is declined: the bank refuses
      Given Alice's bank accepts the card
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once

    @code-first @F13.4 @F13.5
    Scenario: Where the policy says so, the phone is asked before the bank
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      And the bank was not asked about Alice
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once
      And the merchant's trace tells, in this order:
        | the payment began        |
        | the code was asked for   |
        | the payer agreed         |
        | the bank held the amount |
        | the amount was debited   |

  Rule: A phone that cannot be reached pays nothing

    @F13.4 @C9
    Scenario: When the network refuses the phone, the payment is void at once
      Given Alice is a subscriber with a card
      And Alice's phone is barred
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is void: the phone cannot be reached
      And Alice is not debited

    @serial @F13.4
    Scenario: When the phone stays off, the payment ends with the code's time
      Given Alice is a subscriber with a card
      And Alice's phone is off
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the message is on its way to Alice
      When 6 minutes pass
      Then the purchase is void: the code came too late
      And no message has come to Alice
      And Alice is not debited

    @F13.4
    Scenario: When the phone is switched on in time, the payment goes on
      Given Alice is a subscriber with a card
      And Alice's phone is off
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the message is on its way to Alice
      Given Alice's phone is on
      Then Alice gets a message with a code
      And the payment page says that the message is delivered to Alice
      When Alice types the code
      Then the purchase is paid

  Rule: The code can be sent again, and nothing begins anew

    @serial @F13.4
    Scenario: The message sent again has the same code, and the attempts stay counted
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types a wrong code
      And 31 seconds pass
      And Alice asks for the message again
      Then Alice gets a message with the same code
      And Alice has 2 attempts left
      When Alice types the code
      Then the purchase is paid

    @F13.4
    Scenario: A message is not sent again at once
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice asks for the message again
      Then the answer is no: it is too soon for another message

    @serial @F13.4
    Scenario: After three messages there is no fourth
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When 31 seconds pass
      And Alice asks for the message again
      Then Alice gets a message with the same code
      When 31 seconds pass
      And Alice asks for the message again
      Then Alice gets a message with the same code
      When 31 seconds pass
      And Alice asks for the message again
      Then the answer is no: there were too many messages

    @serial @F13.4 @F13.5
    Scenario: A message sent again does not prolong the code's time
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When 4 minutes pass
      And Alice asks for the message again
      Then Alice gets a message with the same code
      When 2 minutes pass
      And Alice types the code
      Then the answer is no: the code came too late

  Rule: Payments up to a limit amount need no code

    @C23 @C24
    Scenario: A normal transaction is paid without a message
      Given Alice is a subscriber with a card
      And the merchant asks for the limit amount
      When Alice gives the userId
      Then the purchase is paid
      And the purchase was a normal transaction
      And no message goes to Alice
      And Alice is debited the amount once

    @C23 @C24
    Scenario: One cent above the limit the transaction is secured
      Given Alice is a subscriber with a card
      And the merchant asks for one cent more than the limit amount
      When Alice gives the userId
      Then the purchase waits for the code
      And the purchase was a secured transaction
      And Alice gets a message with a code

    @C23 @C24
    Scenario: A normal transaction that the bank refuses is not paid
      Given Alice is a subscriber with a card
      And Alice's bank refuses the card
      And the merchant asks for the limit amount
      When Alice gives the userId
      Then the purchase is declined: the bank refuses
      And Alice is not debited

  Rule: Payer and merchant can call it off

    @serial @F13.5
    Scenario: What the bank refuses to release is never said to be void
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      Given Alice's bank refuses to release what it holds
      When Alice calls the payment off
      Then the purchase is being released: it was called off
      When 16 seconds pass
      Then the merchant's trace tells, in this order:
        | the bank refused to do so |
        | the bank refused to do so |
      When 31 seconds pass
      Then the merchant's trace tells, in this order:
        | the bank refused to do so |
        | the bank refused to do so |
        | the bank refused to do so |
        | a person must look        |
      And the purchase is being released: it was called off
      And the bank holds 49.90 EUR of Alice's
      When the operator settles the purchase as voided
      Then the purchase is void: it was called off
      And the merchant's trace tells, in this order:
        | a person must look         |
        | a person confirmed its end |

    @F13.5
    Scenario: The payer calls the payment off
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      And the bank holds 49.90 EUR of Alice's
      When Alice calls the payment off
      Then the purchase is void: it was called off
      And Alice is not debited
      When Alice types the code
      Then the answer is no: it was called off

    @F13.5
    Scenario: Nobody calls the payment off from another session
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When somebody else calls Alice's payment off in another browser
      Then the answer is no: it is another session
      When Alice types the code
      Then the purchase is paid

    @F13.1
    Scenario: The merchant calls the purchase off before anybody pays
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When the merchant calls the purchase off
      Then the merchant sees that the purchase is void
      When Alice gives the userId
      Then the answer is no: this cannot be done now
      And no message goes to Alice

    @F13.1 @F13.5
    Scenario: The merchant calls the purchase off while the code is waited for
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When the merchant calls the purchase off
      Then the purchase is void: it was called off
      When Alice types the code
      Then the answer is no: it was called off
      And Alice is not debited

    @F13.1
    Scenario: What is paid is not called off
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
      When the merchant calls the purchase off
      Then the answer is no: this cannot be done now
      And Alice is debited 49.90 EUR once

    @serial @F13.1
    Scenario: A purchase that nobody pays expires
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When 31 minutes pass
      Then the purchase is expired
      When Alice gives the userId
      Then the answer is no: this cannot be done now
      And no message goes to Alice

  Rule: The merchant's order counts once, and is the merchant's alone

    @F13.1
    Scenario: The same order sent twice is one purchase
      Given the merchant asks for 49.90 EUR
      When the merchant sends the same order again
      Then there is one purchase

    @F13.1
    Scenario: Another order under the key of the first is refused
      Given the merchant asks for 49.90 EUR
      When the merchant sends an order of 50.90 EUR under the same key
      Then the answer is no: the key was used for another order

    @F13.1
    Scenario: Another merchant does not see the purchase
      Given the merchant asks for 49.90 EUR
      When another merchant looks at the purchase
      Then the answer is no: there is no such thing

    @F13.1
    Scenario: Nobody asks for money without a merchant's key
      When somebody without a merchant's key asks for 49.90 EUR
      Then the answer is no: the merchant's key is not known
