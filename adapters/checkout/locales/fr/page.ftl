# La page du payeur. Ce que d’autres pages disent aussi est dans adapters/web/locales.

title = Payer { $payee }
title-none = Paiement
your-payment = Votre paiement
amount = Montant
payee = À
card = Carte
back-to = Retour à { $payee }

who-pays = Comment payez-vous ?
with-certificate = Avec votre certificat
certificate-presented = Votre navigateur a présenté un certificat. S’il ne porte pas de carte, donnez la vôtre.
card-number = Numéro de carte
card-expiry = Expiration (MM/AA)
pay-with-certificate = Payer avec mon certificat
with-user-id = Avec votre nom d’utilisateur
pay-with-user-id = Payer avec mon nom d’utilisateur
with-card = Avec votre carte
pay-with-card = Payer avec ma carte

compare = Comparez le montant et le bénéficiaire du message avec ceux affichés ci-dessus. S’ils diffèrent, ne tapez pas le code, et annulez.
pay-amount = Payer { $amount }

other-browser = Dans un autre navigateur
other-browser-detail = Ce paiement attend son code dans le navigateur où il a été commencé.
processing = Un instant
processing-detail = Votre banque est interrogée.
releasing-detail = Votre banque est priée de libérer ce qu’elle retient peut-être. Un autre paiement pourra commencer ensuite.
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
cause-pin-set = Votre code PIN a été défini. Recommencez : payez avec le nouveau code et votre code PIN.
cause-cancelled = Le paiement a été annulé.
cause-interrupted = Le paiement a été interrompu avant d’être fait. Vous pouvez recommencer.

err-payer-not-recognised = Nous ne vous reconnaissons pas
rec-payer-not-recognised = Vérifiez ce que vous avez tapé. Si c’est juste, votre banque ne propose pas encore ce service.
err-card-needed = Il faut une carte
rec-card-needed = Aucune carte n’est gardée pour vous. Donnez le numéro et l’expiration de votre carte.
err-payer-not-given = Nous ne savons pas qui paie
rec-payer-not-given = Donnez votre nom d’utilisateur ou votre carte, ou présentez un certificat qui porte votre numéro.
err-too-many-payments = Trop de paiements
rec-too-many-payments = Trop de paiements ont été commencés ici. Commandez à nouveau dans la boutique.
err-no-checkout = Ce paiement n’existe pas
rec-no-checkout = L’adresse n’est pas celle d’un paiement. Retournez à la boutique.
