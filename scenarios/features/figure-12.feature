Feature: Figure 12: the virtual wallet

  Client and merchant never deal in money with each other. The merchant signs what it wants to be paid for, the client's
  computer passes the ticket on, the intermediation server debits wallet or card when the code from the phone is typed, and
  the merchant delivers for a receipt that it verifies without asking anybody.

  Rule: A wallet is opened online, with a code that proves the phone

    @drawn @A8 @F12.0
    Scenario: A wallet is opened, and money is paid in from a card
      Given Alice is a subscriber with a card
      When Alice opens a wallet "daily" in EUR
      Then Alice gets a message with a code
      When Alice types the code to open the wallet
      Then Alice's wallet "daily" has 0.00 EUR, and 0.00 EUR held
      When Alice ties the card as "blue"
      And Alice pays 100.00 EUR into the wallet "daily" from the card "blue"
      Then the bank holds 100.00 EUR of Alice's
      And Alice gets a message with a code
      And the message says "Pay 100.00 EUR to Sandbox Wallets"
      When Alice types the code to pay in
      Then Alice's money is moved
      And Alice is debited 100.00 EUR once
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @A8 @F12.0
    Scenario: One person has several wallets, in two currencies
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      And Alice has a wallet "savings" with 50.00 EUR
      And Alice's account holds 1000.00 USD
      And Alice has a wallet "journeys" with 80.00 USD
      When Alice buys "An atlas" for 30.00 USD at the bookshop
      And Alice pays the ticket from the wallet "journeys"
      Then Alice gets a message with a code
      And the message says "Pay 30.00 USD to Librairie Dupont"
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      And Alice's wallet "journeys" has 50.00 USD, and 0.00 USD held
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held
      And Alice's wallet "savings" has 50.00 EUR, and 0.00 EUR held
      And the bookshop is owed 30.00 USD for the ticket

  Rule: A ticket is paid from the wallet or from a card, by the client's choice

    @drawn @F12.0 @F12.1 @F12.2 @F12.3 @F12.4 @F12.5 @F12.6 @F12.v2
    Scenario: A ticket is paid from the wallet, and the bookshop delivers for the receipt
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice looks at the ticket
      Then the ticket says 49.90 EUR to "Librairie Dupont" for "Two books"
      When Alice pays the ticket from the wallet "daily"
      Then the server asks for the code
      And Alice gets a message with a code
      And the message says "Pay 49.90 EUR to Librairie Dupont"
      And the message bears the reference that the server told
      When Alice types the code for the ticket
      Then the answer says that 50.10 EUR are left
      When Alice hands the receipt to the bookshop
      Then the bookshop delivers "Two books"
      And Alice's ticket is paid
      And Alice's wallet "daily" has 50.10 EUR, and 0.00 EUR held
      And the bookshop is owed 49.90 EUR for the ticket

    @drawn @F12.0 @F12.3 @F12.4 @F12.5 @F12.6 @F12.v2
    Scenario: A ticket is paid with a card, which the bank is asked about
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 10.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice looks at the ticket
      And Alice pays the ticket with the card "mine"
      Then the server asks for the code
      And the bank holds 49.90 EUR of Alice's
      And Alice gets a message with a code
      And the message says "Pay 49.90 EUR to Librairie Dupont"
      And the message bears the reference that the server told
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice hands the receipt to the bookshop
      Then the bookshop delivers "Two books"
      And Alice has paid 59.90 EUR in all
      And Alice's wallet "daily" has 10.00 EUR, and 0.00 EUR held
      And the bookshop is owed 49.90 EUR for the ticket

    @code-first @F12.0
    Scenario: With a card, the bank can be asked last
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 10.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket with the card "mine"
      Then Alice gets a message with a code
      And Alice has paid 10.00 EUR in all
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      And Alice has paid 59.90 EUR in all

    @F12.0 @F12.4
    Scenario: A small amount asks for no code with a card, and for one from the wallet
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 10.00 EUR
      When Alice buys "A postcard" for 1.20 EUR at the bookshop
      And Alice pays the ticket with the card "mine"
      Then Alice's ticket is paid
      And no message goes to Alice
      And Alice has paid 11.20 EUR in all
      When Alice buys "A postcard" for 1.20 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the server asks for the code
      And Alice gets a message with a code
      When Alice types the code for the ticket
      Then the answer says that 8.80 EUR are left

    @F12.5 @F12.6
    Scenario: A code that is sent again gets the same receipt, and debits once
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice types the code for the ticket again
      Then the answer says that 50.10 EUR are left
      And Alice's ticket is paid
      And Alice's wallet "daily" has 50.10 EUR, and 0.00 EUR held
      And the bookshop is owed 49.90 EUR for the ticket

    @F12.3
    Scenario: A payment request that is sent again gets the first answer, and makes no phone ring
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice sends the payment request again
      Then no message goes to Alice
      And Alice's wallet "daily" has 50.10 EUR, and 49.90 EUR held

    @F12.0 @F12.6
    Scenario: The merchant gets nothing that tells of the payer
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      And nothing that the bookshop gets for the 49.90 EUR tells of Alice

  Rule: A telecom operator can compute the code, send it, and say whether it was typed

    @operator @drawn @F12.0 @F12.3 @F12.4 @F12.5 @F12.6 @F12.v1 @F12.v2
    Scenario: The operator computes and sends the code of a ticket, and signs that it was typed
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the server asks for the code
      And Alice gets a message with a code
      And the message comes from "Operator"
      And the message says "Pay 49.90 EUR to Librairie Dupont"
      And the message bears the reference that the server told
      When Alice types a wrong code for the ticket
      Then the answer is no: the code is wrong
      And Alice's wallet "daily" has 50.10 EUR, and 49.90 EUR held
      When Alice types the code for the ticket
      Then the answer says that 50.10 EUR are left
      When Alice hands the receipt to the bookshop
      Then the bookshop delivers "Two books"
      And Alice's wallet "daily" has 50.10 EUR, and 0.00 EUR held
      And the bookshop is owed 49.90 EUR for the ticket

    @operator @F12.v1
    Scenario: The operator's code is good for a card, and the codes of the wallet's own doors are the server's
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 10.00 EUR
      When Alice pays 10.00 EUR into the wallet "daily" from the card "mine"
      Then Alice gets a message with a code
      And the message comes from "Dupont"
      When Alice types the code to pay in
      Then Alice's money is moved
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket with the card "mine"
      Then Alice gets a message with a code
      And the message comes from "Operator"
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      And Alice has paid 69.90 EUR in all

    @operator @F12.v1 @F12.5
    Scenario: The operator counts wrong codes, and after the last the amount is released
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      And the message comes from "Operator"
      When Alice types a wrong code for the ticket
      And Alice types a wrong code for the ticket
      And Alice types a wrong code for the ticket
      Then the answer is no: too many wrong codes
      And Alice's ticket is not paid: too many wrong codes
      When Alice types the code for the ticket
      Then the answer is no: too many wrong codes
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @operator @serial @F12.v1
    Scenario: While the operator is away the amount stays held, and when it is back the ticket is paid once
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When the operator goes away
      And Alice types the code for the ticket
      Then the answer is no: it is to be tried again
      And Alice's ticket waits for the code
      And Alice's wallet "daily" has 50.10 EUR, and 49.90 EUR held
      When the operator comes back
      And Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice types the code for the ticket again
      Then the answer says that 50.10 EUR are left
      And Alice's wallet "daily" has 50.10 EUR, and 0.00 EUR held
      And the bookshop is owed 49.90 EUR for the ticket

  Rule: Money comes back out, and the statement tells all of it

    @F12.0
    Scenario: What is left is taken out to the card, and the wallet is closed
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice takes 20.10 EUR out of the wallet "daily" to the card "mine"
      Then Alice's money is moved
      And Alice has paid 79.90 EUR in all
      And the statement of Alice's wallet "daily" says +100.00, -49.90, -20.10, and 30.00 at the end
      When Alice takes 30.00 EUR out of the wallet "daily" to the card "mine"
      Then Alice's money is moved
      When Alice closes the wallet "daily"
      Then Alice's wallet "daily" is closed
      And Alice has paid 49.90 EUR in all

    @F12.0
    Scenario: A person comes in again with a code
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice leaves the wallets
      And Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice looks at the ticket
      Then the ticket says 49.90 EUR to "Librairie Dupont" for "Two books"
      When Alice pays the ticket from the wallet "daily"
      Then the answer is no: nobody is signed in
      When Alice asks to come in to the wallets
      Then Alice gets a message with a code
      When Alice types the code to come in
      Then Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held
