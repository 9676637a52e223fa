Feature: Figure 12: what the wallet refuses

  Every no has its cause, moves no money, and leaves nothing held.

  Rule: A ticket is what its merchant signed, for this server, for now

    @drawn @F12.0 @F12.3
    Scenario: A ticket that was changed on its way is refused
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And somebody changes the ticket to 0.49 EUR
      And Alice looks at the ticket
      Then the answer is no: the signature is not right
      When Alice pays the ticket from the wallet "daily"
      Then the answer is no: the signature is not right
      And no message goes to Alice
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @F12.0 @F12.3
    Scenario: A ticket that says that it needs no signature is refused
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And somebody says in the ticket that it needs no signature
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: the algorithm is not the one
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @F12.0 @F12.3
    Scenario: A ticket under another ticket's signature is refused
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "A postcard" for 1.20 EUR at the bookshop
      And Alice buys "Two books" for 49.90 EUR at the bookshop
      And somebody puts the signature of the ticket before under the ticket
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: the signature is not right
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @F12.0 @F12.3
    Scenario Outline: A ticket <which> is refused
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice gets a ticket of 49.90 EUR <which>
      And Alice looks at the ticket
      Then the answer is no: <why>
      When Alice pays the ticket from the wallet "daily"
      Then the answer is no: <why>
      And no message goes to Alice
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

      Examples:
        | which                                    | why                      |
        | with a key that nobody knows             | its key is not known     |
        | that another merchant signed in its name | it is from another party |
        | that is for another server               | it is for another party  |
        | that is good for a year                  | it is good for too long  |
        | of tomorrow                              | it is from the future    |
        | that has expired                         | it has expired           |

    @F12.0
    Scenario: A ticket that was signed with a revoked key is refused
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      And the bookshop has a second till
      When Alice gets a ticket of 49.90 EUR from the second till
      And the bookshop revokes the key of the second till
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: its key is not known
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @F12.0
    Scenario: Of two tickets of one number, one can be paid
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      And the bookshop has a second till
      When Alice gets a ticket of 49.90 EUR from the second till
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice gets another ticket of the same number, of 19.90 EUR
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: there is another ticket of that number
      And Alice's wallet "daily" has 50.10 EUR, and 49.90 EUR held

    @F12.0
    Scenario: A receipt is no ticket, and a ticket is no receipt
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice hands the ticket to the bookshop as if it were the receipt
      Then the answer is no: it is a message of another type
      When Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice looks at the receipt as if it were a ticket
      Then the answer is no: it is a message of another type

  Rule: A ticket is paid once, and delivered once

    @F12.3
    Scenario: A ticket that is being paid, or is paid, is not paid again
      Given Alice is a subscriber with a card
      And Bob is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      And Bob has a wallet "his" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Bob pays the ticket from the wallet "his"
      Then the answer is no: the ticket is being paid
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Bob pays the ticket from the wallet "his"
      Then the answer is no: the ticket is paid already
      When Alice pays the ticket with the card "mine"
      Then the answer is no: the ticket is paid already
      And no message goes to Bob
      And Bob's wallet "his" has 100.00 EUR, and 0.00 EUR held
      And Alice has paid 100.00 EUR in all
      And the bookshop is owed 49.90 EUR for the ticket

    @F12.6
    Scenario: A receipt is handed in once
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice hands the receipt to the bookshop
      Then the bookshop delivers "Two books"
      When Alice hands the receipt to the bookshop again
      Then the answer is no: the ticket was delivered before

    @F12.6
    Scenario: The receipt of one ticket is none for another
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "A postcard" for 1.20 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice hands the receipt of the ticket before to the bookshop
      Then the answer is no: the receipt is for another ticket

    @F12.6
    Scenario: A receipt that was changed is refused
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid
      When Alice hands the receipt to the bookshop, changed to 499.00 EUR
      Then the answer is no: the signature is not right
      When Alice hands the receipt to the bookshop
      Then the bookshop delivers "Two books"

  Rule: A wallet pays no more than it has, and no more than it may

    @drawn @F12.0
    Scenario: What is held for one ticket cannot pay another
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Collected works" for 60.00 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      And Alice's wallet "daily" has 40.00 EUR, and 60.00 EUR held
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: the wallet has not enough
      And no message goes to Alice
      And the bookshop is owed nothing for the ticket of 49.90 EUR

    @F12.0
    Scenario: A ticket of more than the wallet has is refused, and can be paid with a card
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 20.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: the wallet has not enough
      And Alice's wallet "daily" has 20.00 EUR, and 0.00 EUR held
      When Alice pays the ticket with the card "mine"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then Alice's ticket is paid

    @F12.0
    Scenario: There is a limit to one payment, and to those of a day
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 400.00 EUR
      When Alice buys "An incunable" for 200.01 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: it is more than one payment may be
      When Alice buys "Collected works" for 200.00 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket
      Then the answer says that 200.00 EUR are left
      When Alice buys "An atlas" for 100.01 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: it is more than is left of the day
      And Alice's wallet "daily" has 200.00 EUR, and 0.00 EUR held

    @F12.0
    Scenario: There is a limit to what a wallet has, and the bank is not asked above it
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 400.00 EUR
      When Alice pays 100.01 EUR into the wallet "daily" from the card "mine"
      Then the answer is no: the wallet would have too much
      And no message goes to Alice
      And Alice is debited 400.00 EUR once

    @F12.0
    Scenario: A wallet pays tickets of its own currency, of those that are kept
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "An atlas" for 30.00 USD at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: the wallet is of another currency
      When Alice opens a wallet "mountains" in CHF
      Then the answer is no: no wallets of that currency are kept
      And no message goes to Alice

  Rule: Without the code nothing is paid, and what was held is released

    @F12.5
    Scenario: After three wrong codes the ticket is not paid, and nothing is held
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types a wrong code for the ticket
      Then the answer is no: the code is wrong
      And 2 attempts are left
      And Alice's wallet "daily" has 50.10 EUR, and 49.90 EUR held
      When Alice types a wrong code for the ticket
      And Alice types a wrong code for the ticket
      Then the answer is no: too many wrong codes
      And Alice's ticket is not paid: too many wrong codes
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held
      When Alice types the code for the ticket
      Then the answer is no: too many wrong codes
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held
      And the bookshop is owed nothing for the ticket of 49.90 EUR

    @F12.5
    Scenario: A payment that is called off holds nothing, and the ticket can be paid after it
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice calls the ticket's payment off
      Then Alice's ticket is not paid: it was called off
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held
      When Alice types the code for the ticket
      Then the answer is no: it was called off
      When Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with another code
      When Alice types the code for the ticket
      Then the answer says that 50.10 EUR are left
      And the statement of Alice's wallet "daily" says +100.00, -49.90, +49.90, -49.90, and 50.10 at the end

    @serial @F12.5
    Scenario: A code that is not typed in time releases what was held
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When 6 minutes pass
      And Alice types the code for the ticket
      Then the answer is no: nobody is signed in
      When Alice asks to come in to the wallets
      Then Alice gets a message with another code
      When Alice types the code to come in
      Then Alice's ticket is not paid: the code came too late
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @F12.4
    Scenario: A phone that cannot be reached releases what was held
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      And Alice's phone is barred
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice's ticket is not paid: the phone cannot be reached
      And no message has come to Alice
      And Alice's wallet "daily" has 100.00 EUR, and 0.00 EUR held

    @F12.5
    Scenario: The code of one ticket does not pay another
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "A postcard" for 1.20 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with another code
      When Alice types the first ticket's code for the ticket
      Then the answer is no: the code is wrong
      And Alice's ticket waits for the code

    @F12.5
    Scenario: A code that is joined to another amount pays nothing
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice types the code for the ticket, and somebody joins it to 0.49 EUR
      Then the answer is no: the code was joined to another transaction
      And Alice's ticket waits for the code

    @F12.0
    Scenario: When the card's bank refuses, no message is sent
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 10.00 EUR
      And Alice's bank refuses the card
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket with the card "mine"
      Then Alice's ticket is not paid: the bank refuses
      And no message goes to Alice
      And Alice is debited 10.00 EUR once

  Rule: What is one person's is nobody else's

    @A8
    Scenario: A wallet is opened by the one who has the phone
      Given Alice is a subscriber with a card
      When Alice opens a wallet "daily" in EUR
      Then Alice gets a message with a code
      When Alice types a wrong code to open the wallet
      Then the answer is no: the code is wrong
      When Alice types a wrong code to open the wallet
      And Alice types a wrong code to open the wallet
      Then the answer is no: too many wrong codes
      When Alice types the code to open the wallet
      Then the answer is no: too many wrong codes

    @A8
    Scenario: Nobody opens a wallet under another's identifier with a phone of his own
      Given Alice is a subscriber with a card
      And Mallory is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Mallory opens a wallet "mine now" in EUR under Alice's identifier
      Then Mallory gets a message with a code
      When Mallory types the code to open the wallet
      Then the answer is no: the person is not known
      And no message goes to Alice

    @F12.0
    Scenario: A card that is tied to one person is tied to nobody else
      Given Alice is a subscriber with a card
      And Mallory is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      And Mallory has a wallet "purse" with 10.00 EUR
      When Mallory ties Alice's card as "blue"
      Then the answer is no: the card cannot be tied

    @F12.0 @F12.5
    Scenario: Another's wallet, card and payment are not to be found
      Given Alice is a subscriber with a card
      And Mallory is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      And Mallory has a wallet "purse" with 10.00 EUR
      When Mallory buys "Two books" for 49.90 EUR at the bookshop
      And Mallory pays the ticket from Alice's wallet "daily"
      Then the answer is no: there is no such thing
      When Mallory pays the ticket with Alice's card "mine"
      Then the answer is no: there is no such thing
      And no message goes to Alice
      When Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Mallory types Alice's code for the ticket
      Then the answer is no: there is no such thing
      And Alice's ticket waits for the code

    @F12.0
    Scenario: The same key moves money once, and is for one request
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice pays 50.00 EUR into the wallet "daily" from the card "mine"
      Then Alice gets a message with a code
      When Alice asks to move the same again
      Then no message goes to Alice
      When Alice asks to move 60.00 EUR under the same key
      Then the answer is no: the key was used for another order
      When Alice types the code to pay in
      Then Alice's money is moved
      And Alice has paid 150.00 EUR in all

    @F12.3
    Scenario: A payment request's name is for one request
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice buys "Two books" for 49.90 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then Alice gets a message with a code
      When Alice sends the payment request again with the card "mine"
      Then the answer is no: the key was used for another order
      And no message goes to Alice
      And Alice's ticket waits for the code

    @F12.0
    Scenario: A wallet that is not empty stays open, and one that is closed pays nothing
      Given Alice is a subscriber with a card
      And Alice has a wallet "daily" with 100.00 EUR
      When Alice closes the wallet "daily"
      Then the answer is no: the wallet is not empty
      When Alice takes 100.01 EUR out of the wallet "daily" to the card "mine"
      Then the answer is no: the wallet has not enough
      When Alice takes 100.00 EUR out of the wallet "daily" to the card "mine"
      Then Alice's money is moved
      When Alice closes the wallet "daily"
      Then Alice's wallet "daily" is closed
      When Alice buys "A postcard" for 1.20 EUR at the bookshop
      And Alice pays the ticket from the wallet "daily"
      Then the answer is no: this cannot be done now
