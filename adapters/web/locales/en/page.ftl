# What every page says. Another language is another folder here and in each flow; a test compares the names.

language-name = English
language = Language
decimal-mark = .
optional = { $field }, optional
user-name = User name (as the shop or bank knows you)
look-again = Look again

type-code = Type the code
code-on-its-way = A message with a code is on its way to your phone { $number }.
code-on-its-way-if-known = If that name or card is known here, a message with a code is on its way to its holder’s phone. If none comes, check what you typed and start again.
code-arrived = A message with a code is on your phone { $number }.
code-failed = The message to your phone { $number } could not be delivered.
code = Code
code-hint = The digits from the message
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
