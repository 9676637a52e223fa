# Ce que dit un message vers un téléphone. Chaque caractère doit être de GSM 03.38, sinon il faut deux fois plus de parties.
message-pay = Payer { $amount } à { $payee }
message-more = +{ $count } autres
message-access = Accès à { $to }
message-certificate = Certificat pour { $name }
message-document = Accepter : { $title }
message-code = Code { $code }, réf { $reference }, { $minutes } min.
message-blocked = Trop de codes faux ont été saisis pour votre téléphone. Aucun code n'est accepté pendant { $minutes } min. Ce n'était pas vous ? Prévenez votre banque.
message-advice = Pas vous ? Ne le tapez pas.
message-advice-on-amount = Pas vous, ou autre montant ? Ne le tapez pas.
