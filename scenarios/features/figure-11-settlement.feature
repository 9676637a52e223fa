Feature: Figure 11: between merchant and gateway

  Capture, credit and their reversals are messages between merchant and gateway; each is carried out once, and counted where
  the merchant wants it counted. The merchant learns from the gateway to which key is to be encrypted.

  Rule: A credit is undone by its own name

    @drawn @F11.6
    Scenario: A credit that was a mistake is undone
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      When the shop gives back 20.00 EUR of the order
      Then the shop is told: it is done
      And Alice has paid 29.90 EUR in all
      When the shop has the credit of 19.00 EUR undone
      Then the shop is told: the amount does not fit
      When the shop has the credit of 20.00 EUR undone
      Then the shop is told: it is done
      And Alice has paid 49.90 EUR in all
      When the shop has the credit of 20.00 EUR undone
      Then the shop is told: the amount does not fit

    @F11.6
    Scenario: What is spent cannot be debited again
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      When the shop gives back 20.00 EUR of the order
      Then the shop is told: it is done
      Given Alice's account holds 19.99 EUR
      When the shop has the credit of 20.00 EUR undone
      Then the shop is told: the bank refuses

  Rule: What was settled is counted on both sides

    @F11.6
    Scenario: A batch is closed when shop and gateway have counted the same
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      And the shop has opened batch 20270115 in EUR
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      When the shop gives back 20.00 EUR of the order
      Then the shop is told: it is done
      When the shop gives back 29.91 EUR of the order
      Then the shop is told: the amount does not fit
      When the shop has the credit of 20.00 EUR undone
      Then the shop is told: it is done
      When the shop gives back 5.00 EUR of the order
      Then the shop is told: it is done
      And shop and gateway have counted 25.00 EUR given back and 20.00 EUR debited
      When the shop closes the batch
      Then nothing more can be counted in the batch
      And Alice has paid 44.90 EUR in all

  Rule: A merchant follows the gateway's certificate

    @drawn @F11.4
    Scenario: A purchase is encrypted to the key that the gateway has changed to
      Given Alice is a subscriber with a card
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then the payment is encrypted to the gateway's new key, and not to the one that the merchant was given
      And Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: it is paid
      And Alice is debited 49.90 EUR once
