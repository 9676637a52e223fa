Feature: Figure 7: online payment without subscription

  The shop keeps nothing of its customers: they give their card with every payment.

  @drawn @F7.700 @F7.701 @F7.702 @F7.703 @F7.704 @F7.705 @F7.707 @F7.708 @F7.709 @F7.710 @F7.711 @F7.712
  Scenario: A payment with the card given each time
    Given Alice is a subscriber with a card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId and the card
    Then the bank holds 49.90 EUR of Alice's
    And Alice gets a message with a code
    And the message shows the amount and the payee
    When Alice types the code
    Then the purchase is paid
    And Alice is debited 49.90 EUR once

  @F7.707
  Scenario: When the bank refuses the card that was given, no message is sent
    Given Alice is a subscriber with a card
    And Alice's bank refuses the card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId and the card
    Then the purchase is declined: the bank refuses
    And no message goes to Alice

  @F7.712
  Scenario: A wrong code ends in an error with its cause, and nothing is paid
    Given Alice is a subscriber with a card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId and the card
    Then Alice gets a message with a code
    When Alice types a wrong code
    Then the answer is no: the code is wrong
    And Alice is not debited yet

  @drawn @code-first @F7.v1
  Scenario: The bank is asked last, after the code was checked
    Given Alice is a subscriber with a card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId and the card
    Then Alice gets a message with a code
    And the bank was not asked about Alice
    When Alice types the code
    Then the purchase is paid
    And Alice is debited 49.90 EUR once

  @code-first @F7.v1
  Scenario: The bank refuses last, after the code was checked
    Given Alice is a subscriber with a card
    And Alice's bank refuses the card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId and the card
    Then Alice gets a message with a code
    When Alice types the code
    Then the purchase is declined: the bank refuses
    And Alice is not debited
