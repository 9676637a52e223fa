Feature: Figure 4: the generic flow

  A person works in a session with a site that has pages of its own. The site asks for a code; it goes to the phone that the
  directory knows, and is typed back in the same session. The site is told yes, or no with the cause.

  @F4.200 @F4.201 @F4.202 @F4.203 @F4.204 @F4.205 @F4.207 @F4.208 @F4.210 @C4
  Scenario: The code is typed back in its session
    Given Alice is a subscriber without a card
    When Alice asks the site to come in
    Then Alice gets a message with a code
    When Alice types the code at the site
    Then the site lets Alice in
    And the site sees that the challenge is verified

  @F4.203
  Scenario: A person whom the directory does not know gets no message
    Given Alice is nobody's subscriber
    When Alice asks the site to come in
    Then the answer is no: the person is not known
    And no message goes to Alice

  @F4.203
  Scenario: A subscriber who is locked is one whom nobody knows, until unlocked
    Given Alice is a subscriber without a card
    And Alice is locked
    When Alice asks the site to come in
    Then the answer is no: the person is not known
    And no message goes to Alice
    When Alice is unlocked
    And Alice asks the site to come in
    Then Alice gets a message with a code

  @F4.203
  Scenario: A subscriber who is removed is one whom nobody knows
    Given Alice is a subscriber without a card
    And Alice is removed from the directory
    When Alice asks the site to come in
    Then the answer is no: the person is not known
    And no message goes to Alice

  @F4.210
  Scenario: A wrong code ends in an error with its cause, and the third ends the challenge
    Given Alice is a subscriber without a card
    When Alice asks the site to come in
    Then Alice gets a message with a code
    When Alice types a wrong code at the site
    Then the answer is no: the code is wrong
    When Alice types a wrong code at the site
    Then the answer is no: the code is wrong
    When Alice types a wrong code at the site
    Then the answer is no: too many wrong codes
    When Alice types the code at the site
    Then the answer is no: too many wrong codes

  @serial @F4.202 @F4.210
  Scenario: A code that comes too late is refused
    Given Alice is a subscriber without a card
    When Alice asks the site to come in
    Then Alice gets a message with a code
    When 6 minutes pass
    And Alice types the code at the site
    Then the answer is no: the code came too late
    And the site sees that the challenge is expired

  @F4.210
  Scenario: A code is good once
    Given Alice is a subscriber without a card
    When Alice asks the site to come in
    Then Alice gets a message with a code
    When Alice types the code at the site
    Then the site lets Alice in
    When Alice types the code at the site
    Then the answer is no: the code was used already

  @F4.s
  Scenario: A code that leaks is of no use in another session, and a new session gets another code
    Given Alice is a subscriber without a card
    When Alice asks the site to come in
    Then Alice gets a message with a code
    When Alice asks the site to come in again
    Then Alice gets a message with another code
    When somebody types Alice's code in the session before
    Then the answer is no: it is another session
    When Alice types the first code at the site
    Then the answer is no: the code is wrong
    When Alice types the code at the site
    Then the site lets Alice in

  @F4.202 @C4
  Scenario: A payment that the site makes itself: the message shows amount and payee
    Given Alice is a subscriber without a card
    When Alice asks the site to pay 49.90 EUR
    Then Alice gets a message with a code
    And the message says "Pay 49.90 EUR to Librairie Dupont"
    When Alice types the code at the site
    Then the site is told that Alice agreed
