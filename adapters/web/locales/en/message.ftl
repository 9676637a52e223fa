# What a message to a phone says. Every character must be one of GSM 03.38, or the message needs twice the parts.
message-pay = Pay { $amount } to { $payee }
message-more = +{ $count } more
message-access = Access to { $to }
message-certificate = Certificate for { $name }
message-document = Agree to: { $title }
message-code = Code { $code }, ref { $reference }, { $minutes } min.
message-blocked = Too many wrong codes were typed for your phone. No code is accepted for { $minutes } min. Was it not you? Tell your bank.
message-advice = Not you? Do not type it.
message-advice-on-amount = Not you, or another amount? Do not type it.
