Feature: Figure 11: what a merchant does after a purchase

  Capture, credit and their reversals are messages between merchant and gateway; each is carried out once.

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
