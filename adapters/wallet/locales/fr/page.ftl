# Ce que disent les routes des portefeuilles. Ce que disent aussi d'autres pages est dans adapters/web/locales.

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
