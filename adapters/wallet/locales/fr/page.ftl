# Ce que disent les routes et les pages des portefeuilles. Ce que disent aussi d'autres pages est dans adapters/web/locales.

# Un message de l'échange est refusé, dans l'ordre des contrôles.
message-refused = Le message est refusé
back-to-the-merchant = Rien n'a été payé. Retournez chez le commerçant, et demandez un autre ticket.
err-message-too-long = { message-refused }
rec-message-too-long = Il dépasse 16 Kio.
err-message-not-compact = { message-refused }
rec-message-not-compact = Ce n'est pas un JWS sous sa forme compacte : trois parties en base64url séparées par des points.
err-message-header = { message-refused }
rec-message-header = Son en-tête doit avoir alg, typ et kid, chacun une fois, et rien d'autre.
err-message-algorithm = { message-refused }
rec-message-algorithm = Son algorithme doit être ES256.
err-message-type = { message-refused }
rec-message-type = Ce n'est pas le message attendu.
err-message-key-unknown = { message-refused }
rec-message-key-unknown = Sa clé n'est celle de personne. { back-to-the-merchant }
err-message-signature = { message-refused }
rec-message-signature = Il a été modifié, ou signé avec une autre clé. { back-to-the-merchant }
err-message-content = { message-refused }
rec-message-content = Ce qui est signé a un membre en trop, en moins, en double ou hors limites.
err-message-issuer = { message-refused }
rec-message-issuer = Il n'est pas du commerçant dont la clé l'a signé. { back-to-the-merchant }
err-message-audience = { message-refused }
rec-message-audience = Il est destiné à un autre serveur. { back-to-the-merchant }
err-message-validity = { message-refused }
rec-message-validity = Il vaut plus d'un jour, ou ne vaut jamais.
err-message-from-future = { message-refused }
rec-message-from-future = Il est daté de plus tard que maintenant. L'horloge du commerçant est peut-être fausse.
err-message-expired = Le ticket a expiré
rec-message-expired = { back-to-the-merchant }

# Aucun argent n'est déplacé.
err-insufficient-funds = Le portefeuille n'est pas assez approvisionné
rec-insufficient-funds = Rien n'a été payé. Approvisionnez-le, ou payez par carte. Ce qui est retenu pour d'autres paiements ne compte pas.
err-payment-limit = Le montant est trop élevé
rec-payment-limit = Il dépasse la limite d'un paiement. Payez par carte.
err-day-limit = Assez a été payé aujourd'hui
rec-day-limit = Le montant dépasse ce qui reste de la limite du jour. Payez par carte, ou demain.
err-balance-limit = Le portefeuille serait trop plein
rec-balance-limit = Versez moins.
err-not-paid-in = Cette carte n'a pas versé autant
rec-not-paid-in = L'argent retourne à la carte dont il vient. Choisissez une autre carte, ou moins.
err-other-currency = Le portefeuille est d'une autre devise
rec-other-currency = Choisissez un portefeuille de la devise du montant, ou une carte.
err-no-such-currency = Aucun portefeuille de cette devise n'est tenu
rec-no-such-currency = Choisissez une autre devise.
err-wallet-not-empty = Le portefeuille n'est pas vide
rec-wallet-not-empty = Retirez ce qui s'y trouve, et attendez que rien ne soit plus retenu ni en cours.

# Le ticket n'est pas payé.
err-ticket-taken = Le ticket est en cours de paiement
rec-ticket-taken = Terminez ce paiement, ou annulez-le.
err-ticket-paid = Le ticket est payé
rec-ticket-paid = Un ticket se paie une fois. Remettez son reçu au commerçant.
err-ticket-number-reused = Le commerçant a fait un autre ticket de ce numéro
rec-ticket-number-reused = { back-to-the-merchant }
err-too-many-payments = Le ticket a été essayé trop souvent
rec-too-many-payments = { back-to-the-merchant }
err-other-transaction = Le code a été joint à une autre transaction
rec-other-transaction = Rien n'a été payé. Regardez le ticket de nouveau, et recommencez.

# Personnes, cartes et portefeuilles.
err-not-signed-in = Personne n'est identifié
rec-not-signed-in = Identifiez-vous d'abord dans cette session. Une visite prend fin après cinq minutes sans requête.
err-person-not-recognised = La personne n'est pas connue
rec-person-not-recognised = Le nom n'est pas connu, ou pas avec ce numéro.
err-card-refused = La carte ne peut pas être liée
rec-card-refused = Elle n'est pas attestée avec ce téléphone, ou est déjà liée.
err-too-many = Pas davantage
rec-too-many = Une personne peut avoir 8 portefeuilles et 8 cartes.
err-key-refused = La clé ne peut pas être prise
rec-key-refused = Elle est à un autre commerçant, ou a été révoquée. Faites-en une nouvelle.
err-name-taken = Un autre commerçant porte ce nom
rec-name-taken = On ne pourrait pas les distinguer. Demandez un autre nom à l'exploitant.
err-statement-too-long = Le relevé est trop long
rec-statement-too-long = Il a plus de 2 000 mouvements. Demandez une durée plus courte.

# Les pages.
your-wallets = Vos portefeuilles
your-wallet = Votre portefeuille
your-cards = Vos cartes
your-purchase = Votre achat
your-transfer = Votre transfert
to-your-wallets = Vers vos portefeuilles
to-the-wallet = Vers le portefeuille
sign-in = S'identifier
sign-out = Se déconnecter

# Entrer.
what-wallets-do = De l'argent pour payer, gardé ici. Tout paiement est confirmé par un code de votre téléphone.
your-name = Votre nom d'utilisateur
name-hint = Il sert à vous identifier. Votre boutique ou votre banque vous en a peut-être donné un.
your-phone = Votre numéro de mobile
phone-hint = Avec + et l'indicatif du pays. Les codes y sont envoyés.
send-me-a-code = Envoyez-moi un code
no-wallet-yet = Pas encore de portefeuille ?
open-wallet = Ouvrir un portefeuille
open-another = Ouvrir un autre portefeuille
come-in = Continuer
code-for-coming-in = Le code montre que ce téléphone est le vôtre.
wallet-name = Nom que vous donnez au portefeuille
currency = Devise
wrong-name = Un nom a au moins un caractère, et aucun qui ne se voie pas.

# Ce que l'on a.
held-amount = { $amount } retenus pour ce qui est en cours
closed-on = Fermé le { $when }
no-cards = Aucune carte n'est liée.
tie-or-forget = Lier une carte, ou en oublier une
tie-card = Lier une carte
tie-card-detail = Elle doit être attestée avec votre téléphone. Son numéro est gardé chiffré.
card-name = Nom que vous donnez à la carte
number-of-card = Numéro de la carte
expiry-of-card = Valable jusqu'à (MM/AA)
forget = Oublier
forget-card = Oublier { $name }

# Un portefeuille.
available = Disponible
held = Retenu
closed = Fermé
amount = Montant
amount-in = Montant en { $currency }
wrong-amount = Le montant est un nombre supérieur à zéro, par exemple 49,90.
pay-in = Approvisionner
pay-in-amount = Approvisionner de { $amount }
take-out = Retirer
from-card = De la carte
to-card = Vers la carte
statement = Relevé
last-days = { $days } jours
opening-balance = Solde d'avant
closing-balance = Solde actuel
as-a-file = En fichier :
too-much-moved = Il y a eu plus de mouvements qu'une page ne peut en montrer. Choisissez une durée plus courte.
moved-in = Versement
moved-out = Retrait
moved-back = Restitution
moved-payment = Paiement
close-wallet = Fermer le portefeuille
close-wallet-detail = Il doit être vide. Un portefeuille fermé ne se rouvre pas ; son relevé reste.

# Entre portefeuille et carte.
compare-transfer = Le message doit indiquer ce montant, et nous comme bénéficiaire. Sinon, n'utilisez pas son code.
processing = En cours
bank-is-asked = La banque est interrogée.
paid-in = C'est dans votre portefeuille
taken-out = C'est en route vers votre carte
no-money-moved = Aucun argent n'a bougé
balance-after = Disponible ensuite : { $amount }
cause-bank = La banque a refusé. Demandez-lui pourquoi, ou prenez une autre carte.
cause-voided = La banque n'a pas répondu à temps. Rien n'a été débité ; essayez encore une fois.

# Un ticket.
payee = À
order = Commande
merchant-signed-it = Le commerçant l'a signé, et personne ne l'a modifié depuis.
who-pays = Qui paie ?
what-pays = Payer avec
wallet-or-card = Portefeuille ou carte
pay-from-wallet = { $name }, { $amount } disponibles
nothing-to-pay-with = Vous n'avez ni portefeuille de cette devise ni carte. Ouvrez un portefeuille ou liez une carte, puis revenez.
pay-amount = Payer { $amount }
compare-payment = Le montant, le bénéficiaire et la référence doivent être les mêmes dans le message et sur cette page. Sinon, annulez.
paid = Payé
paid-detail = { $amount } à { $payee }.
not-paid = Non payé
pay-again = Payer le ticket encore une fois
your-receipt = Votre reçu
hand-in-receipt = Le commerçant livre dès qu'il a le reçu.
send-receipt = Ce commerçant ne prend pas de reçu par navigateur. Envoyez-lui le fichier.
back-to = Le remettre à { $payee }
receipt-as-file = Le reçu en fichier
err-no-source = Rien n'est choisi
rec-no-source = Choisissez le portefeuille ou la carte qui doit payer.
