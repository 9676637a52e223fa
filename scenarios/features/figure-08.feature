Feature: Figure 8: online payment with subscription

  The card was given once, with the subscription. A payment needs the userId and the code.

  @drawn @F8.805 @F8.807 @F8.808 @F8.809 @F8.810 @F8.811 @F8.812
  Scenario: A payment with the card that is kept
    Given Alice is a subscriber with a card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId
    Then the bank holds 49.90 EUR of Alice's
    And Alice gets a message with a code
    And the message shows the amount and the payee
    When Alice types the code
    Then the purchase is paid
    And Alice is debited 49.90 EUR once

  @F8.805
  Scenario: When the bank refuses the card that is kept, no message is sent
    Given Alice is a subscriber with a card
    And Alice's bank refuses the card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId
    Then the purchase is declined: the bank refuses
    And no message goes to Alice

  @F8.812
  Scenario: A wrong code ends in an error with its cause, and nothing is paid
    Given Alice is a subscriber with a card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId
    Then Alice gets a message with a code
    When Alice types a wrong code
    Then the answer is no: the code is wrong
    And Alice is not debited yet

  @code-first @F8.v1
  Scenario: The bank is asked last, after the code was checked
    Given Alice is a subscriber with a card
    And the merchant asks for 49.90 EUR
    When Alice gives the userId
    Then Alice gets a message with a code
    And the bank was not asked about Alice
    When Alice types the code
    Then the purchase is paid
    And Alice is debited 49.90 EUR once
