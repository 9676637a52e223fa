@limited
Feature: Limits over many payments

  What one payment, one client or one phone may do in all, on a server that is configured with no limits of its own. A payment
  that a limit refuses is void from the beginning: the bank is not asked, and the phone does not ring.

  Rule: For a payer who is known by a name, the code is first

    @C10 @F7.v1
    Scenario: The bank holds nothing before the code
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase waits for the code
      And Alice gets a message with a code
      And the bank was not asked about Alice
      When Alice types the code
      Then the purchase is paid
      And Alice is debited 49.90 EUR once

    @F13.v2 @C10
    Scenario: A wrong expiry is not told apart before the code
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the card with another expiry
      Then the purchase waits for the code
      And Alice gets a message with a code
      And the bank was not asked about Alice

  Rule: A stranger does not learn whether a person is known

    @F13.3
    Scenario: A userId that nobody has goes through the same pages, and no code is right
      Given Alice is nobody's subscriber
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase waits for the code
      And no message goes to Alice
      When Alice types a wrong code
      Then the answer is no: the code is wrong
      And 2 attempts are left
      When Alice types a wrong code
      And Alice types a wrong code
      Then the answer is no: too many wrong codes
      And the purchase is void: too many wrong codes
      And no message has come to Alice
      And the bank was not asked about Alice

    @F13.3
    Scenario: A card that the directory does not know goes through the same pages
      Given Alice is nobody's subscriber
      And the merchant asks for 49.90 EUR
      When Alice gives the card
      Then the purchase waits for the code
      And no message goes to Alice
      And the bank was not asked about Alice

    @F13.3
    Scenario: A subscriber who is locked goes through the same pages, until unlocked
      Given Alice is a subscriber with a card
      And Alice is locked
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase waits for the code
      And no message goes to Alice
      And the bank was not asked about Alice
      When Alice is unlocked
      Given the merchant asks for 19.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid

  Rule: Messages follow each other with a pause, whatever they are about

    @serial @F13.4
    Scenario: A second payment within the pause has no message
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice calls the payment off
      Given the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is void: it is too soon for another message
      And the purchase says to wait at most 20 seconds
      And no message has come to Alice
      When 20 seconds pass
      Given the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code

    @serial @F13.4
    Scenario: A phone gets six messages in an hour
      Given Alice is a subscriber with a card
      When Alice begins 6 payments and calls each off, 60 seconds apart
      Given the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is void: as many messages as may be were sent
      And the purchase says to wait at most 60 minutes
      And the bank was not asked about Alice

  Rule: Two payments of one phone wait for a code

    @serial @F13.4
    Scenario: A third payment does not wait, until one of the two is over
      Given Alice is a subscriber with a card
      And the merchant asks for 10.00 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When 20 seconds pass
      Given the merchant asks for 20.00 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When 20 seconds pass
      Given the merchant asks for 30.00 EUR
      When Alice gives the userId
      Then the purchase is void: other payments wait for a code
      And the purchase says to wait at most 5 minutes
      When 5 minutes pass
      Given the merchant asks for 30.00 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      And the bank was not asked about Alice

  Rule: The fifth wrong code in a row blocks the phone, and its holder is told

    @serial @C10
    Scenario: Five wrong codes over two payments block a third, for 15 minutes
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types a wrong code
      And Alice types a wrong code
      And Alice types a wrong code
      Then the purchase is void: too many wrong codes
      When 20 seconds pass
      Given the merchant asks for 59.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types a wrong code
      And Alice types a wrong code
      Then Alice gets a message that says "Too many wrong codes were typed for your phone."
      When Alice types the code of 59.90 EUR
      Then the answer is no: the phone is blocked
      When 20 seconds pass
      Given the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the purchase is void: the phone is blocked
      And the purchase says to wait at most 15 minutes
      And no message has come to Alice
      When 15 minutes pass
      Given the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code
      Then the purchase is paid
