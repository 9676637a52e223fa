Feature: Figure 5: access to protected data

  A site with protected data lets in only those who type back a one-time password that came to their phone.

  @F5.500 @F5.501 @F5.502 @F5.503 @F5.504 @F5.505 @F5.507 @F5.508 @F5.509 @F5.510
  Scenario: The one-time password opens the protected part
    Given Alice is a subscriber without a card
    When Alice asks the site to come into "payroll"
    Then Alice gets a message with a code
    And the message says "Access to Librairie Dupont: payroll"
    When Alice types the code at the site
    Then the site lets Alice in

  @F5.510
  Scenario: Without the right one-time password there is no access
    Given Alice is a subscriber without a card
    When Alice asks the site to come into "payroll"
    Then Alice gets a message with a code
    When Alice types a wrong code at the site
    Then the answer is no: the code is wrong
    And the site sees that the challenge is pending

  @F5.510
  Scenario: A challenge that the site called off gives no access
    Given Alice is a subscriber without a card
    When Alice asks the site to come into "payroll"
    Then Alice gets a message with a code
    When the site calls it off
    And Alice types the code at the site
    Then the answer is no: it was called off
