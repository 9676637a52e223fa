# What is said when the answer is no: err-NAME, what happened; rec-NAME, what to do. NAME is what the problem's type ends
# with (docs/reference/http.md), or a closer name where one type has several causes.

# A code or a message is refused. No more is said of a wrong code than that it is wrong (RTS art. 4(3)(a)).
err-wrong-code = This is not the code
rec-wrong-code = Look at the message again, and type its code.
err-wrong-code-or-pin = Code or PIN is not right
rec-wrong-code-or-pin = Look at the message again, and type its code and your PIN. After five wrong PINs it is good no more, and has to be set anew.
err-pin-set = Your PIN is set
rec-pin-set = Nothing else was done with this code. Begin again, and type your PIN beside the new code.
new-code = Begin again: a new code will be sent.
err-too-many-attempts = Too many wrong codes
rec-too-many-attempts = { new-code }
err-late-code = The code is too late
rec-late-code = { new-code }
err-code-already-used = The code was used already
rec-code-already-used = A code is good once. Begin again if you need another.
err-other-session = This is not the browser that asked for the code
rec-other-session = Type the code in the browser in which you began.
err-phone-unreachable = Your phone cannot be reached
rec-phone-unreachable = Check that it is on and that its number is right, then begin again.
err-cancelled = This was cancelled
rec-cancelled = Begin again if that was a mistake.
err-too-many-messages = Too many messages
rec-too-many-messages = No further message will be sent. Wait for the last one, or begin again.
# How long to wait, in the unit that a person would choose: at least two of it, but for seconds.
when-again = { $wait_unit ->
    [now] now
    [minutes] in { $wait_count } minutes
    [hours] in { $wait_count } hours
   *[seconds] in { $wait_count } s
}
err-message-too-soon = Too soon for another message
rec-message-too-soon = The last message may still be on its way. Ask for another { when-again }.
err-blocked = Too many wrong codes
rec-blocked = Too many wrong codes were typed for this phone. No code is accepted for a while: try again { when-again }.
err-locked = The phone is locked
rec-locked = Too many wrong codes were typed for this phone. Only the service can unlock it.
err-message-limit = No further message for now
rec-message-limit = As many messages as may be sent were sent. Try again { when-again }.
err-phone-not-served = No messages to this phone
rec-phone-not-served = No messages are sent to numbers of that country or kind. Choose another phone or another way to pay.
err-too-many-waiting = Other payments wait for a code
rec-too-many-waiting = Finish or cancel the payments that wait for a code on this phone, or try again { when-again }.

# A client certificate is refused.
err-certificate = Your certificate is not accepted
another-certificate = Use another certificate, or identify yourself in another way.
err-certificate-expired = { err-certificate }
rec-certificate-expired = It has expired. { another-certificate }
err-certificate-not-yet-valid = { err-certificate }
rec-certificate-not-yet-valid = It is not valid yet. Check the date of your device.
err-certificate-unknown-authority = { err-certificate }
rec-certificate-unknown-authority = Its authority is not trusted here. { another-certificate }
err-certificate-wrong-usage = { err-certificate }
rec-certificate-wrong-usage = It was issued for another purpose. { another-certificate }
err-certificate-bad-signature = { err-certificate }
rec-certificate-bad-signature = Its signature is wrong. { another-certificate }
err-certificate-revoked = { err-certificate }
rec-certificate-revoked = It was revoked. { another-certificate }
err-certificate-revocation-unknown = { err-certificate }
rec-certificate-revocation-unknown = We cannot find out whether it was revoked. Try again later, or identify yourself in another way.
err-certificate-without-phone = { err-certificate }
rec-certificate-without-phone = It bears no phone number. { another-certificate }
err-certificate-several-phones = { err-certificate }
rec-certificate-several-phones = It bears more than one phone number. { another-certificate }
err-certificate-phone-not-readable = { err-certificate }
rec-certificate-phone-not-readable = Its phone number cannot be read here. { another-certificate }
err-certificate-phone-moved = { err-certificate }
rec-certificate-phone-moved = Its phone number belongs to another certificate. { another-certificate }
err-certificate-phone-not-valid = { err-certificate }
rec-certificate-phone-not-valid = Its phone number or card is not valid. { another-certificate }
err-certificate-malformed = { err-certificate }
rec-certificate-malformed = It is malformed. { another-certificate }
err-certificate-not-valid = { err-certificate }
rec-certificate-not-valid = It is not valid here. { another-certificate }

# The state of things does not permit it.
err-not-now = This cannot be done now
rec-not-now = It has moved on meanwhile. Its current state is shown below.
err-changed-meanwhile = This was changed meanwhile
rec-changed-meanwhile = Another request changed it at the same time. Look at it, then try again.
err-outcome-unknown = Not known yet
rec-outcome-unknown = It is being processed, or was not begun. Look again in a moment, before you do it again.
err-not-available = Not available now
rec-not-available = Nothing was done. Try again in a moment.
err-internal = Something failed here
rec-internal = The fault is ours. Look how it stands before you do it again. If it keeps failing, tell the operator the time of your request.
err-timeout = This took too long
rec-timeout = What was begun continues. Look again in a moment.

# The request is not right.
err-not-found = There is no such page
rec-not-found = Check the address, or go back to where you came from.
err-no-record = There is no such thing
rec-no-record = Nothing has this id, or it is not yours. Check the id.
err-no-resource = There is no such resource
rec-no-resource = See /openapi.json for what there is.
err-method-not-allowed = This page cannot be used that way
rec-method-not-allowed = Open the page again, and use its forms.
err-other-method = This resource cannot be used that way
rec-other-method = See /openapi.json for the methods that it takes.
err-bad-host = The host is not said well
rec-bad-host = Send one Host (in HTTP/2, one :authority): a name or an address, and a port if need be.
err-misdirected = This host is not served here
rec-misdirected = Connect to the host that the request names, and name it in TLS.
err-not-acceptable = There is nothing here that you accept
rec-not-acceptable = Accept one of { $offered }, or leave Accept out.
err-unsupported-media-type = The body is of a type that is not read here
rec-unsupported-media-type = It is said to be { $found }, or looks like it. Send JSON in UTF-8, as application/json.
err-no-session = There is no session
rec-no-session = Open the page first, and let your browser keep its cookie.
err-other-site = The form was sent by another site
rec-other-site = Open this page itself, and use its forms.
err-malformed-form = The form cannot be read
rec-malformed-form = Open the page again, and use its forms: every field that they have, and no other.
err-body-unreadable = The body cannot be read
rec-body-unreadable = Send it whole, with at most { $max_bytes } bytes.
err-malformed-json = The body is not the JSON that is expected
rec-malformed-json = What is at line { $line }, column { $column } is not expected there. See /openapi.json.
err-body-no-object = { err-malformed-json }
rec-body-no-object = The body must be an object, in braces. See /openapi.json.
err-missing-member = { err-malformed-json }
rec-missing-member = The member { $member } is missing. See /openapi.json.
err-unknown-member = { err-malformed-json }
rec-unknown-member = There is no member { $member } here. See /openapi.json.
err-doubled-member = { err-malformed-json }
rec-doubled-member = The member { $member } is there twice. Send it once.
err-unfit-member = { err-malformed-json }
rec-unfit-member = The member { $member } must be { $expected }. See /openapi.json.
err-invalid-value = A value is not valid
rec-invalid-value = Check what you typed.
field-card-number = The card number is mistyped: it has 12 to 19 digits, and the last one is a check digit.
field-card-expiry = The expiry is not in the form MM/YY.
field-identifier = The user name has 1 to 128 characters.
field-number = Type the number as it is dialled from abroad, with + and the country code, without a zero that is dialled at home only and without an extension: +33 6 12 34 56 78, not +33 (0)6 12 34 56 78.
field-pin = The PIN or password has 1 to 256 characters.
field-new-pin = A new PIN has 6 digits or more, a password 8 characters or more, and it is none of those that are guessed first. Where none can be set, ask who entered you.
field-code = Type the digits of the code alone: there are 6 to 10.

# A relying party's program is not right.
err-not-authenticated = The API key is missing or not known
rec-not-authenticated = Send your API key as Authorization: Bearer KEY.
err-idempotency-key = The Idempotency-Key is not valid
rec-idempotency-key = Send 1 to 255 printable ASCII characters: in double quotes, or bare and then without space, comma and quote.
err-idempotency-keys = { err-idempotency-key }
rec-idempotency-keys = There is more than one. Send one Idempotency-Key, in one line; one with a comma in double quotes.
err-idempotency-key-reused = The Idempotency-Key was used for another request
rec-idempotency-key-reused = Use a new Idempotency-Key for a new request.
err-may-not-enrol = This relying party may not enter subscribers
rec-may-not-enrol = Ask the operator for may_enrol = true.
err-identifier-unreadable = The userId is not UTF-8
rec-identifier-unreadable = Percent-encode its UTF-8 form in the address.
err-overdrawn = The account does not hold enough
rec-overdrawn = Nothing was posted. Pay in, or choose a smaller amount.
