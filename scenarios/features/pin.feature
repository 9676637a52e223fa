@psd2
Feature: A PIN beside the code

  Under the profile psd2 a payment needs two elements (PSD2 art. 4(30)): the phone, by its code, and a PIN or password that only
  the person knows. Both are typed on one page, and one answer is given for either being wrong. Here a person may set the PIN with
  a code, too, which does nothing else.

  Rule: Both are needed, and which is wrong is not told

    @F13.5 @C19
    Scenario: A purchase is paid with the code and the PIN
      Given Alice is a subscriber with a card and the PIN "283915"
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      And the server asks Alice for the PIN as well, which the code may set
      When Alice types the code and the PIN
      Then the purchase is paid
      And the merchant sees that phone and PIN were proved
      And Alice is debited 49.90 EUR once

    @F13.5
    Scenario Outline: <code> code and <pin> PIN have the words of any wrong code and PIN
      Given Alice is a subscriber with a card and the PIN "283915"
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types <code> code and <pin> PIN
      Then the answer is no: the code is wrong
      And the answer says "Code or PIN is not right"
      And 2 attempts are left
      And the merchant sees that nothing was proved
      And Alice is not debited yet

      Examples:
        | code    | pin     |
        | the     | a wrong |
        | a wrong | the     |
        | a wrong | a wrong |

    @F13.5
    Scenario: The code alone does not pay
      Given Alice is a subscriber with a card and the PIN "283915"
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code
      Then the answer is no: the code is wrong
      And Alice is not debited yet

    @C24
    Scenario: A low amount is exempted, and the merchant sees that nothing was proved
      Given Alice is a subscriber with a card and the PIN "283915"
      And the merchant asks for the limit amount
      When Alice gives the userId
      Then the purchase is paid
      And the purchase was a normal transaction
      And the merchant sees that nothing was proved
      And no message goes to Alice

  Rule: A code sets the PIN, and does nothing else

    @F13.5
    Scenario: The first payment sets the PIN, and the next one is paid with it
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and sets the PIN "283915"
      Then the answer is no: a PIN was set, and nothing else
      And the purchase is void: a PIN was set, and nothing else
      And Alice is not debited
      Given the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and the PIN
      Then the purchase is paid
      And the merchant sees that phone and a PIN set by a code were proved

    @F13.5
    Scenario: A PIN that is guessed first is not set, and no attempt is used up
      Given Alice is a subscriber with a card
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and sets the PIN "123456"
      Then the answer is no: this is no code
      And Alice has 3 attempts left

  Rule: Five wrong PINs in a row end a PIN

    @F13.5
    Scenario: A PIN that is locked is not good any more, until a code sets another
      Given Alice is a subscriber with a card and the PIN "283915"
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and a wrong PIN
      And Alice types the code and a wrong PIN
      And Alice types the code and a wrong PIN
      Then the purchase is void: too many wrong codes
      Given the merchant asks for 59.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and a wrong PIN
      And Alice types the code and a wrong PIN
      And Alice types the code and the PIN
      Then the answer is no: too many wrong codes
      And Alice is not debited
      Given the merchant asks for 69.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and sets the PIN "604823"
      Then the purchase is void: a PIN was set, and nothing else
      Given the merchant asks for 79.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and the PIN
      Then the purchase is paid
      And Alice is debited 79.90 EUR once

    @F13.5
    Scenario: A relying party that has authenticated the person sets another
      Given Alice is a subscriber with a card and the PIN "283915"
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When a relying party sets Alice's PIN to "604823"
      And Alice types the code and the PIN
      Then the purchase is paid
      And the merchant sees that phone and PIN were proved

    @F13.5
    Scenario: Without the phone nobody uses up a PIN's tries
      Given Alice is a subscriber with a card and the PIN "283915"
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types a wrong code and a wrong PIN
      And Alice types a wrong code and a wrong PIN
      And Alice types a wrong code and a wrong PIN
      Then the purchase is void: too many wrong codes
      Given the merchant asks for 59.90 EUR
      When Alice gives the userId
      Then Alice gets a message with a code
      When Alice types a wrong code and a wrong PIN
      And Alice types a wrong code and a wrong PIN
      And Alice types the code and the PIN
      Then the purchase is paid

  Rule: One who is locked is known to nobody, whatever PIN there is

    @F13.3
    Scenario: A locked subscriber gets no code, until unlocked
      Given Alice is a subscriber with a card and the PIN "283915"
      And Alice is locked
      And the merchant asks for 49.90 EUR
      When Alice gives the userId
      Then the answer is no: the payer is not known
      And no message goes to Alice
      When Alice is unlocked
      And Alice gives the userId
      Then Alice gets a message with a code
      When Alice types the code and the PIN
      Then the purchase is paid

  Rule: A wallet asks for the PIN at its door and for each payment (figure 12)

    @F12.5
    Scenario: A ticket is paid with the code and the PIN, and its receipt says so
      Given Alice is a subscriber with a card and the PIN "283915"
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the server asks for the code
      And the server asks Alice for the PIN as well, which the code may set
      And Alice gets a message with a code
      When Alice types the code and a wrong PIN for the ticket
      Then the answer is no: the code is wrong
      And the answer says "Code or PIN is not right"
      When Alice types a wrong code and the PIN for the ticket
      Then the answer is no: the code is wrong
      And the answer says "Code or PIN is not right"
      When Alice types the code and the PIN for the ticket
      Then the answer says that 50.10 EUR are left
      And the receipt says that phone and PIN were proved
      When Alice hands the receipt to the bookshop
      Then the bookshop delivers "Two books"

    @F12.5
    Scenario: A ticket that is paid by card has both in its receipt, too
      Given Alice is a subscriber with a card and the PIN "283915"
      And Alice has a wallet "daily" with 10.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket with the card "mine"
      Then Alice gets a message with a code
      When Alice types the code and the PIN for the ticket
      Then Alice's ticket is paid
      And the receipt says that phone and PIN were proved

    @F12.5
    Scenario: Nobody comes in with the code alone
      Given Alice is a subscriber with a card and the PIN "283915"
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice leaves the wallets
      And Alice asks to come in to the wallets
      Then Alice gets a message with a code
      When Alice types the code to come in
      Then the answer is no: the code is wrong
      When Alice types the code and a wrong PIN to come in
      Then the answer is no: the code is wrong
      When Alice types the code and the PIN to come in
      Then Alice's wallet "daily" has 100.00 EUR

    @A8
    Scenario: The first wallet sets the PIN
      Given Alice is a subscriber with a card
      When Alice opens a wallet "daily" in EUR
      Then Alice gets a message with a code
      When Alice types the code and sets the PIN "283915" to open the wallet
      Then the answer is no: a PIN was set, and nothing else
      When Alice opens a wallet "daily" in EUR
      Then Alice gets a message with a code
      When Alice types the code and the PIN to open the wallet
      Then Alice's wallet "daily" has 0.00 EUR

  Rule: By SET the PIN goes to the gateway with the code, encrypted (figure 11)

    @serial @F11.11
    Scenario: A cardholder with a certificate has the PIN under the certificate's name
      Given Alice has a wallet with a certificate
      And a relying party sets the PIN "283915" for Alice's certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice opens the wallet with the password
      And Alice's wallet takes the order
      And Alice pays with the wallet
      Then the wallet is told: a code is asked for
      And the wallet is asked for the PIN as well
      And Alice gets a message with a code
      When Alice types the code and a wrong PIN into the wallet
      Then the wallet is told: the code is wrong
      When Alice types a wrong code and the PIN into the wallet
      Then the wallet is told: the code is wrong
      When Alice types the code and the PIN into the wallet
      Then the wallet is told: it is paid
      And Alice is debited 49.90 EUR once

    @F11.v1
    Scenario: Without a certificate it is the PIN of whom the directory knows by the card
      Given Alice is a subscriber with a card and the PIN "283915"
      And Alice has a wallet without a certificate
      And the shop sells "Two books" for 49.90 EUR by SET
      When Alice's wallet takes the order
      And Alice pays with the wallet
      Then Alice gets a message with a code
      When Alice types the code into the wallet
      Then the wallet is told: the code is wrong
      When Alice types the code and the PIN into the wallet
      Then the wallet is told: it is paid
      And Alice is debited 49.90 EUR once
