# What every page says. Another language is another folder here and in each flow; a test compares the names.

language-name = English
language = Language
decimal-mark = .
optional = { $field }, optional
user-name = User name (as the shop or bank knows you)
look-again = Look again
in-progress = In progress
not-known-yet = We do not know yet how it ended. Do not begin again: what was begun goes on by itself, and nothing is done twice. This page looks again in a few seconds.

type-code = Type the code
code-on-its-way = A message with a code is on its way to your phone { $number }.
code-on-its-way-if-known = If that name or card is known here, a message with a code is on its way to its holder’s phone. If none comes, check what you typed and start again.
code-waits = The message with the code to your phone { $number } waits: the phone network is busy. It goes out by itself.
code-arrived = A message with a code is on your phone { $number }.
code-failed = The message to your phone { $number } could not be delivered.
code = Code
code-hint = The digits from the message
pin = PIN or password
pin-hint = The one that only you know; it is not in the message
no-pin = No PIN yet, or forgotten?
new-pin = New PIN or password, optional
new-pin-hint = 6 digits or more, or 8 characters or more. With the code and a new PIN nothing is done but to set the PIN; begin again with it.
code-reference = The message must say ref { $reference }. If it does not, do not type its code.
attempts-left = { $attempts ->
    [one] One attempt left
   *[other] { $attempts } attempts left
}
time-left = Time left: { $minutes } min { $seconds } s
no-message = No message?
resend-after = You can have it sent again in { $seconds } s.
resend-now = You can have it sent again; the code stays the same.
resend = Send the code again
cancel-payment = Cancel payment
