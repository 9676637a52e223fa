# The pages on which a person enrols. What other pages say, too, is in adapters/web/locales.

get-certificate = Get a certificate
what-for = With it you pay without typing your user name. It bears your mobile number, so prove first that the number is yours: a code is sent to it.
identifier-hint = At most 64 characters. It stands in the certificate.
number = Mobile number
number-hint = With + and the country code, such as +33 6 12 34 56 78.
send-code = Send the code

the-key = The key
passphrase = Passphrase for a new key
passphrase-hint = The key is made here and given to you once, in a file that your browser imports. 12 characters or more.
own-key = I have a key: it never leaves my computer
request = Certificate request (PKCS#10, PEM)
request-hint = Such as from: { $command }
get-the-certificate = Get the certificate

err-passphrase-too-short = The passphrase is too short
rec-passphrase-too-short = Use 12 characters or more, or give a certificate request for a key of your own.
err-passphrase-beyond-bmp = The passphrase has a character that the file cannot be sealed under
rec-passphrase-beyond-bmp = Use letters, digits and signs, and no pictograms such as emoji. The code is still good.
err-request-malformed = This is not a well-formed certificate request
rec-request-malformed = Send a PKCS#10 request of at most 16 KiB.
err-request-signature = The request is not signed with its own key
rec-request-signature = Make the request again with the key that it is for.
err-request-algorithm = The signature algorithm of the request is not used here
rec-request-algorithm = The signature algorithm is not one of: { $algorithms }. Make the request again with one of them.
err-request-of-another-kind = The text is no certificate request
rec-request-of-another-kind = It holds { $found }. Send the request alone (PKCS#10), and keep your private key.
err-request-several = There is more than one certificate request
rec-request-several = Send one request.
err-key-not-allowed = A key of this kind is not certified here
rec-key-not-allowed = The key must be P-256, or RSA of 3072 or 4096 bits.
err-name-not-allowed = This name cannot stand in a certificate
rec-name-not-allowed = The name must have 1 to 64 characters, and none that is invisible or reverses others.
err-key-certified-before = This key has a certificate
rec-key-certified-before = It is certified under serial number { $serial }. Make a new key.
err-other-holder = This is not the certificate to be renewed
rec-other-holder = Present the certificate of this holder and this number, as it was issued here.
err-no-enrolment = There is no such enrolment
rec-no-enrolment = Begin again: another code will be sent.
err-proof-needed = The number must be proved
rec-proof-needed = Begin at POST /v1/enrolments; then give the enrolment as user and the code from the phone as password.
err-certificate-not-presented = A client certificate is needed
rec-certificate-not-presented = Present the certificate that is to be renewed in the TLS handshake.
err-not-pkcs10 = This is not a certificate request
rec-not-pkcs10 = Send a PKCS#10 request as application/pkcs10, its DER in base64.
