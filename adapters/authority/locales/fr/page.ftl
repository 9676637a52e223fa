# Les pages où une personne s’inscrit. Ce que d’autres pages disent aussi est dans adapters/web/locales.

get-certificate = Obtenir un certificat
what-for = Avec lui vous payez sans taper votre nom d’utilisateur. Il porte votre numéro de mobile : prouvez d’abord que ce numéro est à vous, un code lui est envoyé.
identifier-hint = 64 caractères au plus. Il figure dans le certificat.
number = Numéro de mobile
number-hint = Avec + et l’indicatif du pays, comme +33 6 12 34 56 78.
send-code = Envoyer le code

the-key = La clé
passphrase = Phrase de passe pour une nouvelle clé
passphrase-hint = La clé est faite ici et vous est donnée une seule fois, dans un fichier que votre navigateur importe. 12 caractères ou plus.
own-key = J’ai une clé : elle ne quitte pas mon ordinateur
request = Demande de certificat (PKCS#10, PEM)
request-hint = Par exemple : { $command }
get-the-certificate = Obtenir le certificat

err-passphrase-too-short = La phrase de passe est trop courte
rec-passphrase-too-short = Prenez 12 caractères ou plus, ou donnez une demande de certificat pour une clé à vous.
err-passphrase-beyond-bmp = La phrase de passe a un caractère avec lequel le fichier ne peut être scellé
rec-passphrase-beyond-bmp = Prenez des lettres, des chiffres et des signes, sans pictogrammes tels que les émojis. Le code reste valable.
err-request-malformed = Ce n’est pas une demande de certificat bien formée
rec-request-malformed = Envoyez une demande PKCS#10 de 16 Kio au plus.
err-request-signature = La demande n’est pas signée avec sa propre clé
rec-request-signature = Refaites la demande avec la clé pour laquelle elle est faite.
err-request-algorithm = L’algorithme de signature de la demande n’est pas utilisé ici
rec-request-algorithm = L’algorithme de signature n’est pas un de ceux-ci : { $algorithms }. Refaites la demande avec l’un d’eux.
err-request-of-another-kind = Le texte n’est pas une demande de certificat
rec-request-of-another-kind = Il contient { $found }. Envoyez la demande seule (PKCS#10), et gardez votre clé privée.
err-request-several = Il y a plus d’une demande de certificat
rec-request-several = Envoyez une seule demande.
err-key-not-allowed = Une clé de cette sorte n’est pas certifiée ici
rec-key-not-allowed = La clé doit être P-256, ou RSA de 3072 ou 4096 bits.
err-name-not-allowed = Ce nom ne peut pas figurer dans un certificat
rec-name-not-allowed = Le nom a 1 à 64 caractères, dont aucun n’est invisible ni n’en renverse d’autres.
err-key-certified-before = Cette clé a déjà un certificat
rec-key-certified-before = Elle est certifiée sous le numéro de série { $serial }. Faites une nouvelle clé.
err-other-holder = Ce n’est pas le certificat à renouveler
rec-other-holder = Présentez le certificat de ce titulaire et de ce numéro, tel qu’il a été délivré ici.
err-no-enrolment = Cette inscription n’existe pas
rec-no-enrolment = Recommencez : un autre code sera envoyé.
err-proof-needed = Le numéro doit être prouvé
rec-proof-needed = Commencez par POST /v1/enrolments ; donnez ensuite l’inscription comme utilisateur et le code du téléphone comme mot de passe.
err-certificate-not-presented = Il faut un certificat client
rec-certificate-not-presented = Présentez le certificat à renouveler dans la négociation TLS.
err-not-pkcs10 = Ce n’est pas une demande de certificat
rec-not-pkcs10 = Envoyez une demande PKCS#10 en application/pkcs10, son DER en base64.
