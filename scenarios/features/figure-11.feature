Feature: Figure 11: SET

  The cardholder's program, the merchant and the gateway are three parties, with messages of their own between them. One
  signature ties order and payment together: the merchant cannot read the payment, the gateway never sees the goods. The
  certificate proves a computer; the code on the phone proves the person.

  Rule: The cardholder registers the card; the code on its phone is what the certificate rests on

    @drawn @serial @F11.1 @F11.v2
    Scenario: A card is registered with the code from its phone, and pays
      Given Alice is a subscriber with a card
      When Alice registers the card with a new wallet
      Then the authority asks for a code
      And Alice gets a message with a code
      And the message says "Certificate for Sandbox ..."
      And the message bears the reference that the authority told the wallet
      When Alice types the code to register
      Then Alice has a wallet with the authority's certificate
      Given the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      And Alice is debited 49.90 EUR once

    @serial @F11.1
    Scenario: A card that nobody knows is asked for a code like any other, and never gets a certificate
      Given Bob is nobody's subscriber
      When Bob registers the card with a new wallet
      Then the authority asks for a code
      And no message goes to Bob
      When three codes are guessed to register
      Then the authority takes no more codes, and there is no certificate

  Rule: The cardholder has a certificate with number and card, both encrypted to the gateway

    @drawn @serial @C27 @F11.2 @F11.3 @F11.4 @F11.5 @F11.6 @F11.7 @F11.8 @F11.9 @F11.10 @F11.11 @F11.v2 @F11.v3
    Scenario: A purchase is paid by SET with the code from the phone
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      Then the wallet shows 49.90 EUR to "Librairie Dupont" for "Two books"
      When Alice pays with the wallet
      Then the wallet is told: a code is asked for
      And Alice gets a message with a code
      And the message says "49.90 EUR to Librairie Dupont"
      And the message bears the reference that the wallet shows
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      And the wallet has the gateway's receipt of 49.90 EUR, signed, with a code
      And Alice is debited 49.90 EUR once
      And the shop sees that the order is paid

    @drawn @serial @F11.11
    Scenario: The code goes straight to the gateway
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet, which sends it straight to the gateway
      Then the wallet is told: it is paid
      And Alice is debited 49.90 EUR once
      And the shop sees that the order is paid

    @serial @F11.4 @F11.5
    Scenario: The merchant passes on a payment that it cannot read
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then no key of the merchant opens the payment, and the gateway's does

    @serial @F11.7
    Scenario: Without the static password nobody has the certificate's key
      Given Alice has a wallet with a certificate
      Then a wrong password does not open the wallet

    @serial @F11.6
    Scenario: A signed purchase of a small amount asks for no code
      Given Alice has a wallet with a certificate
      And the shop sells "A postcard" for 1.20 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: it is paid
      And the wallet has the gateway's receipt of 1.20 EUR, signed, without a code
      And no message goes to Alice
      And Alice is debited 1.20 EUR once

    @serial @F11.6
    Scenario: When the bank refuses, no message is sent
      Given Alice has a wallet with a certificate
      And Alice's bank refuses the card
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: the bank refuses
      And no message goes to Alice
      And the shop sees that the order is refused

    @serial @code-first @F11.6 @F11.11
    Scenario: The bank is asked last, after the code was checked
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      And Alice is not debited
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      And Alice is debited 49.90 EUR once

    @serial @F11.4 @F11.5
    Scenario: An order that was changed on its way is not the one that was signed
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet, and somebody changes the order on its way
      Then the wallet is told: the message is not authentic
      And no message goes to Alice
      And Alice is not debited
      And the shop sees that the order is open

    @serial @F11.11
    Scenario: A code that comes too late pays nothing
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When 6 minutes pass
      And Alice types the code into the wallet
      Then the wallet is told: the code came too late
      And Alice is not debited

  Rule: The cardholder has no certificate: the code alone proves the person

    @drawn @F11.v1 @F11.10 @F11.v3
    Scenario: A purchase without a certificate is paid with the code
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: a code is asked for
      And Alice gets a message with a code
      And the message says "49.90 EUR to Librairie Dupont"
      And the message bears the reference that the wallet shows
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      And the wallet has the gateway's receipt of 49.90 EUR, unsigned, with a code
      And Alice is debited 49.90 EUR once

    @F11.v1
    Scenario: Without a certificate a code is asked for, however small the amount
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "A sticker" for 0.10 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: a code is asked for
      And Alice is not debited yet
      And Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet has the gateway's receipt of 0.10 EUR, unsigned, with a code
      And Alice is debited 0.10 EUR once

    @F11.v1 @F11.10
    Scenario: A card for which no phone is vouched pays nothing
      Given Alice is nobody's subscriber
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: no phone is vouched for
      And no message goes to Alice
      And Alice is not debited

    @F11.11
    Scenario: A wrong code can be typed again, and a third one ends it
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types a wrong code into the wallet
      Then the wallet is told: the code is wrong
      And the shop sees that the order waits for the code
      When Alice types a wrong code into the wallet
      And Alice types a wrong code into the wallet
      Then the wallet is told: too many wrong codes
      When Alice types the code into the wallet
      Then the wallet is told: too many wrong codes
      And Alice is not debited
      And the shop sees that the order is refused

    @F11.11
    Scenario: The code of one purchase does not pay for another
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      Given the shop sells "An atlas" for 249.00 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with another code
      When Alice types the first code into the wallet
      Then the wallet is told: the code is wrong
      And Alice is not debited yet

    @F11.5 @F11.6
    Scenario: A payment that is sent again is answered again, and makes no phone ring
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When somebody sends Alice's payment again
      Then no message goes to Alice
      When somebody sends Alice's payment again in another wrapper
      Then the wallet is told: the wrapper is another message's
      And no message goes to Alice
      And Alice is not debited yet

    @F11.5
    Scenario: An order is paid once
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      When Alice's wallet takes the order again
      And Alice pays with the wallet
      Then the wallet is told: the order is refused
      And no message goes to Alice
      And Alice is debited 49.90 EUR once

    @F11.v1 @F11.5
    Scenario: An order that was changed on its way is not what the merchant sold
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet, and somebody changes the order on its way
      Then the wallet is told: the order is refused
      And no message goes to Alice
      And Alice is not debited

  Rule: Thieves, dishonest merchants and other gateways get nothing

    @serial @F11.7 @F11.11
    Scenario: A stolen certificate pays nothing without the phone
      Given Alice has a wallet with a certificate
      And Mallory has stolen Alice's wallet and its password
      And the shop sells "Two books" for 49.90 EUR by SET
      When Mallory's wallet takes the order
      And Mallory pays with the wallet
      Then Alice gets a message with a code
      And the message says "49.90 EUR to Librairie Dupont"
      When Mallory types a wrong code into the wallet
      And Mallory types a wrong code into the wallet
      And Mallory types a wrong code into the wallet
      Then the wallet is told: too many wrong codes
      And Alice is not debited

    @F11.v1 @F11.11
    Scenario: A stolen card number pays nothing without the phone, however small the amount
      Given Alice is a subscriber with a card
      And Mallory has a wallet with Alice's card and without a certificate
      And the shop sells "A sticker" for 0.10 EUR by SET
      When Mallory's wallet takes the order
      And Mallory pays with the wallet
      Then the wallet is told: a code is asked for
      And Alice gets a message with a code
      When Mallory types a wrong code into the wallet
      And Mallory types a wrong code into the wallet
      And Mallory types a wrong code into the wallet
      Then the wallet is told: too many wrong codes
      And Alice is not debited

    @serial @F11.v2 @F11.10
    Scenario: A number that was moved from another certificate rings no phone
      Given Alice has a wallet with a certificate
      And Mallory has a certificate with a number that was moved from another
      And the shop sells "Two books" for 49.90 EUR by SET
      When Mallory's wallet takes the order
      And Mallory pays with the wallet
      Then the wallet is told: no phone is vouched for
      And no message goes to Alice
      And Alice is not debited

    @serial @F11.4 @F11.5
    Scenario: A payment does not go with another order
      Given Alice has a wallet with a certificate
      And the shop sells "A postcard" for 1.20 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: it is paid
      Given the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet, and somebody puts the payment before beside the order
      Then the wallet is told: the message is not authentic
      And no message goes to Alice
      And Alice is debited 1.20 EUR once

    @serial @F11.4 @F11.6
    Scenario: An answer to one purchase is none to another
      Given Alice has a wallet with a certificate
      And the shop sells "A postcard" for 1.20 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: it is paid
      Given the shop sells "A stamp" for 1.20 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet, and gets the answer to the purchase before
      Then the wallet accepts nothing of it
      And Alice is debited 1.20 EUR once

    @serial @F11.5 @F11.6
    Scenario: A merchant that changes the amount is found out
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays a dishonest merchant with the wallet
      And the merchant asks the gateway for 499.00 EUR
      Then the gateway answers: the amount is not the one that was signed
      And no message goes to Alice
      And Alice is not debited

    @drawn @serial @F11.5 @F11.6
    Scenario: A merchant that asks again gets the first answer, and a payment is used once
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays a dishonest merchant with the wallet
      And the merchant asks the gateway for 49.90 EUR
      Then the gateway answers: a code is asked for
      And Alice gets a message with a code
      When the merchant sends its question again
      Then no message goes to Alice
      When the merchant asks the gateway for 49.90 EUR
      Then the gateway answers: the payment was used before
      And no message goes to Alice
      And Alice is not debited yet

    @serial @F11.5 @F11.6
    Scenario: A merchant does not put an old payment beside a new order
      Given Alice has a wallet with a certificate
      And the shop sells "A postcard" for 1.20 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: it is paid
      Given the shop sells "A stamp" for 1.20 EUR by SET
      When Alice's wallet takes the order
      And Alice pays a dishonest merchant with the wallet
      And the merchant asks the gateway for 1.20 EUR with the payment before
      Then the gateway answers: the payment does not belong to the request
      And Alice is debited 1.20 EUR once

    @serial @F11.5 @F11.6
    Scenario: A payment for one merchant is of no use to another
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays a dishonest merchant with the wallet
      And another merchant asks the gateway for 49.90 EUR
      Then the gateway answers: the payment does not belong to the request
      And no message goes to Alice
      And Alice is not debited

    @drawn @serial @F11.5 @F11.6
    Scenario: A payment that another gateway reenvelopes is refused
      Given Alice has a wallet with a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order, for which the merchant names another gateway
      And Alice pays a dishonest merchant with the wallet
      Then the other gateway's key opens the payment, and the gateway's does not
      When the other gateway reenvelopes the payment, and the merchant asks the gateway for 49.90 EUR
      Then the gateway answers: the payment does not belong to the request
      And no message goes to Alice
      And Alice is not debited

    @F11.v1 @F11.v3
    Scenario: A code that another gateway wants for itself comes with another reference
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order, for which the merchant names another gateway
      And Alice pays a dishonest merchant with the wallet
      Then the other gateway's key opens the payment, and the gateway's does not
      Given Mallory has a wallet with Alice's card and without a certificate
      When Mallory's wallet takes the order
      And Mallory pays with the wallet
      Then Alice gets a message with a code
      And the message bears another reference than Alice's wallet shows
      And Alice is not debited yet

    @F11.11
    Scenario: The code on its way can be read by the gateway alone
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      And neither the merchant's key nor another gateway's opens the code, and the gateway's does
