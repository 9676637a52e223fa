# Ce qui est dit quand la réponse est non : err-NOM, ce qui est arrivé ; rec-NOM, que faire.

# Un code ou un message est refusé.
err-wrong-code = Ce n’est pas le code
rec-wrong-code = Regardez à nouveau le message et tapez son code.
err-wrong-code-or-pin = Le code ou le code PIN n’est pas juste
rec-wrong-code-or-pin = Regardez à nouveau le message, tapez son code et votre code PIN. Après cinq codes PIN faux, il n’est plus bon et doit être redéfini.
err-pin-set = Votre code PIN est défini
rec-pin-set = Rien d’autre n’a été fait avec ce code. Recommencez, et tapez votre code PIN à côté du nouveau code.
new-code = Recommencez : un nouveau code sera envoyé.
err-too-many-attempts = Trop de codes faux
rec-too-many-attempts = { new-code }
err-late-code = Le code arrive trop tard
rec-late-code = { new-code }
err-code-already-used = Le code a déjà servi
rec-code-already-used = Un code ne sert qu’une fois. Recommencez s’il vous en faut un autre.
err-other-session = Ce n’est pas le navigateur qui a demandé le code
rec-other-session = Tapez le code dans le navigateur où vous avez commencé.
err-phone-unreachable = Votre téléphone est injoignable
rec-phone-unreachable = Vérifiez qu’il est allumé et que son numéro est le bon, puis recommencez.
err-cancelled = Cela a été annulé
rec-cancelled = Recommencez si c’était une erreur.
err-too-many-messages = Trop de messages
rec-too-many-messages = Aucun autre message ne sera envoyé. Attendez le dernier, ou recommencez.
# Combien de temps attendre, dans l’unité qu’une personne choisirait : au moins deux, sauf pour les secondes.
when-again = { $wait_unit ->
    [now] maintenant
    [minutes] dans { $wait_count } minutes
    [hours] dans { $wait_count } heures
   *[seconds] dans { $wait_count } s
}
err-message-too-soon = Trop tôt pour un autre message
rec-message-too-soon = Le dernier message est peut-être encore en route. Demandez-en un autre { when-again }.
err-blocked = Trop de codes faux
rec-blocked = Trop de codes faux ont été saisis pour ce téléphone. Aucun code n’est accepté pour le moment : réessayez { when-again }.
err-locked = Le téléphone est verrouillé
rec-locked = Trop de codes faux ont été saisis pour ce téléphone. Seul le service peut le déverrouiller.
err-message-limit = Pas d’autre message pour le moment
rec-message-limit = Le nombre maximal de messages est atteint. Réessayez { when-again }.
err-phone-not-served = Pas de message vers ce téléphone
rec-phone-not-served = Aucun message n’est envoyé vers les numéros de ce pays ou de ce type. Choisissez un autre téléphone ou un autre moyen de paiement.
err-too-many-waiting = D’autres paiements attendent un code
rec-too-many-waiting = Terminez ou annulez les paiements qui attendent un code sur ce téléphone, ou réessayez { when-again }.

# Un certificat est refusé.
err-certificate = Votre certificat n’est pas accepté
another-certificate = Prenez un autre certificat, ou identifiez-vous autrement.
err-certificate-expired = { err-certificate }
rec-certificate-expired = Il a expiré. { another-certificate }
err-certificate-not-yet-valid = { err-certificate }
rec-certificate-not-yet-valid = Il n’est pas encore valable. Vérifiez la date de votre appareil.
err-certificate-unknown-authority = { err-certificate }
rec-certificate-unknown-authority = Son autorité n’est pas reconnue ici. { another-certificate }
err-certificate-wrong-usage = { err-certificate }
rec-certificate-wrong-usage = Il a été délivré pour un autre usage. { another-certificate }
err-certificate-bad-signature = { err-certificate }
rec-certificate-bad-signature = Sa signature est fausse. { another-certificate }
err-certificate-revoked = { err-certificate }
rec-certificate-revoked = Il a été révoqué. { another-certificate }
err-certificate-revocation-unknown = { err-certificate }
rec-certificate-revocation-unknown = Nous ne pouvons pas savoir s’il a été révoqué. Réessayez plus tard, ou identifiez-vous autrement.
err-certificate-without-phone = { err-certificate }
rec-certificate-without-phone = Il ne porte aucun numéro de téléphone. { another-certificate }
err-certificate-several-phones = { err-certificate }
rec-certificate-several-phones = Il porte plusieurs numéros de téléphone. { another-certificate }
err-certificate-phone-not-readable = { err-certificate }
rec-certificate-phone-not-readable = Son numéro de téléphone ne peut pas être lu ici. { another-certificate }
err-certificate-phone-moved = { err-certificate }
rec-certificate-phone-moved = Son numéro de téléphone est celui d’un autre certificat. { another-certificate }
err-certificate-phone-not-valid = { err-certificate }
rec-certificate-phone-not-valid = Son numéro de téléphone ou sa carte n’est pas valable. { another-certificate }
err-certificate-malformed = { err-certificate }
rec-certificate-malformed = Il est mal formé. { another-certificate }
err-certificate-not-valid = { err-certificate }
rec-certificate-not-valid = Il n’est pas valable ici. { another-certificate }

# L’état des choses ne le permet pas.
err-not-now = Cela ne peut pas se faire maintenant
rec-not-now = Cela a avancé entre-temps. L’état actuel est montré ci-dessous.
err-changed-meanwhile = Cela a changé entre-temps
rec-changed-meanwhile = Une autre demande l’a changé au même moment. Regardez, puis réessayez.
err-outcome-unknown = Pas encore connu
rec-outcome-unknown = C’est en cours de traitement, ou n’a pas commencé. Regardez de nouveau dans un instant, avant de recommencer.
err-not-available = Indisponible pour le moment
rec-not-available = Rien n’a été fait. Réessayez dans un instant.
err-internal = Une panne de notre côté
rec-internal = La faute est à nous. Regardez où cela en est avant de recommencer. Si cela dure, dites à l’exploitant l’heure de votre demande.
err-timeout = Cela a pris trop de temps
rec-timeout = Ce qui a été commencé continue. Regardez à nouveau dans un instant.

# La demande n’est pas juste.
err-not-found = Cette page n’existe pas
rec-not-found = Vérifiez l’adresse, ou retournez d’où vous venez.
err-no-record = Cela n’existe pas
rec-no-record = Rien ne porte cet identifiant, ou ce n’est pas à vous. Vérifiez-le.
err-no-resource = Cette ressource n’existe pas
rec-no-resource = Voyez dans /openapi.json ce qui existe.
err-method-not-allowed = Cette page ne s’utilise pas ainsi
rec-method-not-allowed = Ouvrez à nouveau la page et servez-vous de ses formulaires.
err-other-method = Cette ressource ne s’utilise pas ainsi
rec-other-method = Voyez dans /openapi.json les méthodes qu’elle accepte.
err-bad-host = L’hôte n’est pas bien dit
rec-bad-host = Envoyez un seul Host (en HTTP/2, un seul :authority) : un nom ou une adresse, et un port si besoin.
err-misdirected = Cet hôte n’est pas servi ici
rec-misdirected = Connectez-vous à l’hôte que la demande nomme, et nommez-le dans TLS.
err-not-acceptable = Il n’y a rien ici que vous acceptiez
rec-not-acceptable = Acceptez l’un de { $offered }, ou n’envoyez pas d’Accept.
err-unsupported-media-type = Le corps est d’un type qui n’est pas lu ici
rec-unsupported-media-type = Il se dit { $found }, ou en a l’air. Envoyez du JSON en UTF-8, comme application/json.
err-no-session = Il n’y a pas de session
rec-no-session = Ouvrez d’abord la page, et laissez votre navigateur garder son cookie.
err-other-site = Le formulaire a été envoyé par un autre site
rec-other-site = Ouvrez cette page elle-même, et utilisez ses formulaires.
err-malformed-form = Le formulaire est illisible
rec-malformed-form = Ouvrez à nouveau la page et servez-vous de ses formulaires : tous leurs champs, et aucun autre.
err-body-unreadable = Le corps de la demande est illisible
rec-body-unreadable = Envoyez-le entier, avec { $max_bytes } octets au plus.
err-malformed-json = Le corps n’est pas le JSON attendu
rec-malformed-json = Ce qui est à la ligne { $line }, colonne { $column } n’y est pas attendu. Voyez /openapi.json.
err-body-no-object = { err-malformed-json }
rec-body-no-object = Le corps doit être un objet, entre accolades. Voyez /openapi.json.
err-missing-member = { err-malformed-json }
rec-missing-member = Le membre { $member } manque. Voyez /openapi.json.
err-unknown-member = { err-malformed-json }
rec-unknown-member = Il n’y a pas de membre { $member } ici. Voyez /openapi.json.
err-doubled-member = { err-malformed-json }
rec-doubled-member = Le membre { $member } y est deux fois. Envoyez-le une fois.
err-unfit-member = { err-malformed-json }
rec-unfit-member = Le membre { $member } doit être { $expected }. Voyez /openapi.json.
err-invalid-value = Une valeur n’est pas valable
rec-invalid-value = Vérifiez ce que vous avez tapé.
field-card-number = Le numéro de carte est mal tapé : il a 12 à 19 chiffres, et le dernier est une clé de contrôle.
field-card-expiry = L’expiration n’est pas de la forme MM/AA.
field-identifier = Le nom d’utilisateur a 1 à 128 caractères.
field-number = Tapez le numéro comme on le compose depuis l’étranger, avec + et l’indicatif du pays, sans le zéro que l’on ne compose que dans le pays et sans numéro de poste : +33 6 12 34 56 78, et non +33 (0)6 12 34 56 78.
field-pin = Le code PIN ou mot de passe a 1 à 256 caractères.
field-new-pin = Un nouveau code PIN a 6 chiffres ou plus, un mot de passe 8 caractères ou plus, et il n’est pas de ceux que l’on devine d’abord. S’il ne peut être défini ici, demandez à qui vous a inscrit.
field-code = Tapez les chiffres du code seuls : il y en a 6 à 10.

# Le programme d’une partie utilisatrice n’est pas juste.
err-not-authenticated = La clé d’API manque ou n’est pas connue
rec-not-authenticated = Envoyez votre clé d’API ainsi : Authorization: Bearer CLÉ.
err-idempotency-key = L’Idempotency-Key n’est pas valable
rec-idempotency-key = Envoyez 1 à 255 caractères ASCII imprimables : entre guillemets droits, ou nus et alors sans espace, virgule ni guillemet.
err-idempotency-keys = { err-idempotency-key }
rec-idempotency-keys = Il y en a plusieurs. Envoyez une seule Idempotency-Key, sur une ligne ; celle qui a une virgule, entre guillemets droits.
err-idempotency-key-reused = L’Idempotency-Key a servi pour une autre demande
rec-idempotency-key-reused = Prenez une nouvelle Idempotency-Key pour une nouvelle demande.
err-may-not-enrol = Cette partie utilisatrice ne peut pas inscrire d’abonnés
rec-may-not-enrol = Demandez may_enrol = true à l’exploitant.
err-identifier-unreadable = Le userId n’est pas en UTF-8
rec-identifier-unreadable = Encodez sa forme UTF-8 en pourcent dans l’adresse.
err-overdrawn = Le compte ne contient pas assez
rec-overdrawn = Rien n’a été comptabilisé. Alimentez-le, ou choisissez un montant plus petit.
