# Le portefeuille du porteur. Ce que disent aussi d'autres pages est dans adapters/web/locales.

wallet = Portefeuille
what-for = Payez une commande par SET. La boutique vous en donne l'adresse.
order-address = Adresse de la commande
order-hint = Elle commence par https://
look-at-order = Voir la commande

your-purchase = Votre achat
amount = Montant
payee = À
goods = Articles
reference = Référence
merchant-signed = Le commerçant l'a signé.
open-wallet = Ouvrez votre portefeuille
password = Mot de passe
password-hint = Il ouvre la clé avec laquelle vous signez.
compare = Comparez le montant, le bénéficiaire et la référence du message avec ce qui est affiché ci-dessus. S'ils diffèrent, ne tapez pas le code.
pay-amount = Payer { $amount }

under-way = L'issue n'est pas encore connue
under-way-detail = L'achat a été envoyé, ou va l'être. Demander à nouveau ne paie pas deux fois.
ask-again = Demander à nouveau
paid = Payé
paid-detail = { $amount } à { $payee }.
receipt = Le reçu signé par la passerelle
not-paid = Rien n'a été payé

cause-codeLocked = Trop de codes faux ont été tapés. Recommencez dans la boutique : un nouveau code viendra.
cause-codeExpired = Aucun code juste n'a été tapé à temps. Recommencez dans la boutique : un nouveau code viendra.
cause-declined = Votre banque a refusé. Demandez-lui pourquoi, ou payez autrement.
cause-noPhone = Aucun téléphone n'est garanti, ou il est injoignable. Payez autrement.
cause-cancelled = L'achat a été annulé.
cause-expiredCard = La carte a expiré. Prenez un autre portefeuille.
cause-orderRejected = Le commerçant refuse la commande : elle est payée, ou trop ancienne. Recommencez dans la boutique.
cause-signatureRequired = Le commerçant demande un portefeuille avec certificat.
cause-other = La passerelle refuse le paiement. Recommencez dans la boutique, ou payez autrement.

err-wrong-password = Ce n'est pas le mot de passe
rec-wrong-password = Rien n'a été envoyé. Tapez le mot de passe de ce portefeuille.
err-order-address = Ce n'est pas l'adresse d'une commande
rec-order-address = Copiez l'adresse donnée par la boutique, avec https:// devant.
err-merchant-unreachable = Le commerçant ne répond pas
rec-merchant-unreachable = Vérifiez l'adresse, ou réessayez dans un instant. Ce qui a été envoyé n'est pas payé deux fois.
err-merchant-refused = Le commerçant ne peut pas traiter le message
rec-merchant-refused = Recommencez dans la boutique. Si cela persiste, prévenez-la.
err-merchant-not-authentic = Ce que le commerçant a envoyé n'est pas fiable
rec-merchant-not-authentic = Ce n'est pas signé par un commerçant auquel votre portefeuille fait confiance, ou cela concerne un autre achat. Rien de plus n'a été envoyé. Prévenez la boutique.
