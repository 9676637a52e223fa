# La page du payeur.

language-name = Français
decimal-mark = ,

title = Payer { $payee }
title-none = Paiement
your-payment = Votre paiement
amount = Montant
payee = À
card = Carte
language = Langue
back-to = Retour à { $payee }

who-pays = Comment payez-vous ?
with-certificate = Avec votre certificat
certificate-presented = Votre navigateur a présenté un certificat. S’il ne porte pas de carte, donnez la vôtre.
card-number = Numéro de carte
card-expiry = Expiration (MM/AA)
optional = { $field }, facultatif
pay-with-certificate = Payer avec mon certificat
with-user-id = Avec votre identifiant
user-id = Identifiant
pay-with-user-id = Payer avec mon identifiant
with-card = Avec votre carte
pay-with-card = Payer avec ma carte

type-code = Tapez le code
code-on-its-way = Un message avec le montant, le bénéficiaire et un code part vers votre téléphone { $number }.
code-failed = Le message vers votre téléphone { $number } n’a pas pu être remis.
code-arrived = Un message avec le montant, le bénéficiaire et un code est sur votre téléphone { $number }.
compare = Comparez le montant et le bénéficiaire avec ceux affichés ci-dessus. S’ils diffèrent, ne tapez pas le code et annulez le paiement.
code = Code
code-hint = Les chiffres du message
pay-amount = Payer { $amount }
attempts-left = { $attempts ->
    [one] Un essai restant
   *[other] { $attempts } essais restants
}
time-left = Temps restant : { $minutes } min { $seconds } s
no-message = Pas de message ?
resend-after = Vous pourrez le faire renvoyer dans { $seconds } s.
resend-now = Vous pouvez le faire renvoyer ; le code reste le même.
resend = Renvoyer le code
look-again = Actualiser
cancel = Annuler le paiement

other-browser = Dans un autre navigateur
other-browser-detail = Ce paiement attend son code dans le navigateur où il a été commencé.
processing = Un instant
processing-detail = Votre banque est interrogée.
paid = Payé
paid-detail = { $amount } à { $payee }.
expired = Trop tard
expired-detail = Ce paiement a expiré et rien n’a été payé. Commandez à nouveau dans la boutique.
not-paid = Rien n’a été payé
over = La boutique a fermé ce paiement. Commandez à nouveau dans la boutique.

cause-declined-by-bank = Votre banque a refusé le paiement. Demandez-lui pourquoi, ou payez autrement.
cause-too-many-attempts = Trop de codes faux ont été tapés. Vous pouvez recommencer : un nouveau code viendra.
cause-late-code = Aucun code juste n’a été tapé à temps. Vous pouvez recommencer : un nouveau code viendra.
cause-phone-unreachable = Votre téléphone n’a pas pu être joint. Est-il allumé, et le numéro est-il le bon ?
cause-cancelled = Le paiement a été annulé.
cause-interrupted = Le paiement a été interrompu avant d’être fait. Vous pouvez recommencer.

problem-wrong-code = Ce n’est pas le code
problem-wrong-code-detail = Regardez à nouveau le message et tapez son code.
problem-too-many-attempts = Trop de codes faux
problem-too-many-attempts-detail = Rien n’a été payé. Recommencez le paiement : un nouveau code viendra.
problem-late-code = Le code arrive trop tard
problem-late-code-detail = Rien n’a été payé. Recommencez le paiement : un nouveau code viendra.
problem-code-already-used = Le code a déjà servi
problem-code-already-used-detail = Un code ne sert qu’une fois.
problem-other-session = Ce n’est pas le navigateur qui a demandé le code
problem-other-session-detail = Tapez le code dans le navigateur où vous avez commencé le paiement.
problem-phone-unreachable = Votre téléphone est injoignable
problem-phone-unreachable-detail = Rien n’a été payé. Votre téléphone est-il allumé, et son numéro est-il le bon ?
problem-cancelled = Le paiement a été annulé
problem-cancelled-detail = Rien n’a été payé.
problem-too-many-messages = Trop de messages
problem-too-many-messages-detail = Aucun autre message ne sera envoyé pour ce paiement. Attendez le dernier, ou annulez le paiement.
problem-message-too-soon = Trop tôt pour un autre message
problem-message-too-soon-detail = Le dernier message est peut-être encore en route. Attendez { $wait_seconds } s.
problem-refused = Refusé
problem-refused-detail = Rien n’a été payé. Recommencez le paiement.
problem-payer-not-recognised = Nous ne vous reconnaissons pas
problem-payer-not-recognised-detail = Vérifiez ce que vous avez tapé. Si c’est juste, votre banque ne participe pas encore.
problem-card-needed = Il faut une carte
problem-card-needed-detail = Aucune carte n’est gardée pour vous. Donnez le numéro et l’expiration de votre carte.
problem-payer-not-given = Qui êtes-vous ?
problem-payer-not-given-detail = Donnez votre identifiant ou votre carte, ou présentez un certificat qui porte votre numéro.
problem-too-many-payments = Trop de paiements
problem-too-many-payments-detail = Trop de paiements ont été commencés ici. Commandez à nouveau dans la boutique.
problem-not-now = Cela ne peut pas se faire maintenant
problem-not-now-detail = Le paiement a avancé entre-temps. Son état est montré ici.
problem-changed-meanwhile = Cela a changé entre-temps
problem-changed-meanwhile-detail = Quelqu’un d’autre l’a changé au même moment. Regardez, puis réessayez.
problem-not-available = Indisponible pour le moment
problem-not-available-detail = Rien n’a été fait. Réessayez dans un instant.
problem-internal = Une panne de notre côté
problem-internal-detail = La faute est à nous. Réessayez ; si cela dure, dites à la boutique l’heure de votre paiement.
problem-timeout = Cela a pris trop de temps
problem-timeout-detail = Regardez à nouveau le paiement : ce qui a été commencé continue.
problem-not-found = Cette page n’existe pas
problem-not-found-detail = L’adresse n’est pas celle d’un paiement. Retournez à la boutique.
problem-method-not-allowed = Pas de cette façon
problem-method-not-allowed-detail = Ouvrez à nouveau la page et servez-vous de ses formulaires.
problem-no-session = Il n’y a pas de session
problem-no-session-detail = Ouvrez d’abord la page du paiement, et laissez votre navigateur garder son cookie.
problem-malformed-form = Le formulaire est illisible
problem-malformed-form-detail = Ouvrez à nouveau la page et servez-vous de ses formulaires.
problem-invalid-value = Vérifiez ce que vous avez tapé
problem-invalid-value-detail = Quelque chose que vous avez tapé ne peut pas être juste.
problem-certificate = Votre certificat n’est pas accepté
problem-certificate-expired = Il a expiré. Prenez un autre certificat, ou votre identifiant.
problem-certificate-not-yet-valid = Il n’est pas encore valable. La date de votre appareil est-elle juste ?
problem-certificate-unknown-authority = Son autorité n’est pas reconnue ici. Prenez un autre certificat, ou votre identifiant.
problem-certificate-without-phone = Il ne porte aucun numéro de téléphone. Prenez un autre certificat, ou votre identifiant.
problem-certificate-detail = Prenez un autre certificat, ou votre identifiant.

field-card_number = Le numéro de carte est mal tapé : il a 12 à 19 chiffres, et le dernier est une clé de contrôle.
field-card_expiry = L’expiration n’est pas de la forme MM/AA.
field-user_id = L’identifiant a 1 à 128 caractères.
field-code = Le code a 6 à 10 chiffres.
