# Ce que disent toutes les pages.

language-name = Français
language = Langue
decimal-mark = ,
optional = { $field }, facultatif
user-name = Nom d’utilisateur (tel que la boutique ou la banque vous connaît)
look-again = Actualiser
in-progress = En cours
not-known-yet = Nous ne savons pas encore comment cela s’est terminé. Ne recommencez pas : ce qui a été commencé continue tout seul, et rien n’est fait deux fois. Cette page s’actualise dans quelques secondes.

type-code = Tapez le code
code-on-its-way = Un message avec un code part vers votre téléphone { $number }.
code-on-its-way-if-known = Si ce nom ou cette carte est connu ici, un message avec un code part vers le téléphone de son titulaire. Si rien n’arrive, vérifiez ce que vous avez tapé et recommencez.
code-waits = Le message avec le code pour votre téléphone { $number } attend : le réseau est occupé. Il partira tout seul.
code-arrived = Un message avec un code est sur votre téléphone { $number }.
code-failed = Le message vers votre téléphone { $number } n’a pas pu être remis.
code = Code
code-hint = Les chiffres du message
pin = Code PIN ou mot de passe
pin-hint = Celui que vous seul connaissez ; il n’est pas dans le message
no-pin = Pas encore de code PIN, ou oublié ?
new-pin = Nouveau code PIN ou mot de passe, facultatif
new-pin-hint = 6 chiffres ou plus, ou 8 caractères ou plus. Avec le code et un nouveau code PIN, rien n’est fait d’autre que de le définir ; recommencez avec lui.
code-reference = Le message doit dire réf { $reference }. Sinon, ne tapez pas son code.
attempts-left = { $attempts ->
    [one] Un essai restant
   *[other] { $attempts } essais restants
}
time-left = Temps restant : { $minutes } min { $seconds } s
no-message = Pas de message ?
resend-after = Vous pourrez le faire renvoyer dans { $seconds } s.
resend-now = Vous pouvez le faire renvoyer ; le code reste le même.
resend = Renvoyer le code
cancel-payment = Annuler le paiement
